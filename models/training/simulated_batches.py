"""Batches of simulated films, which are prepared in the same way as films in the node."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.images.preprocess import prepare
from models.images.radiograph import Radiograph
from models.io.progress import track
from models.simulate.anatomy import load_anatomy
from models.simulate.anatomy_variants import MAP_SIDE, cached_maps, map_path
from models.simulate.subject import (
    T_MEAN,
    T_SPREAD,
    SimulatedSubject,
    block_mineral,
    bone_share_by_cell,
    compose_scene,
    expose_scene,
    sample_subject,
    with_t_score,
)

Float = npt.NDArray[np.float32]
Maps = dict[int, npt.NDArray[np.float16]]

MINERAL_FLOOR = 0.02
"""g/cm2 added to each block's mineral, so that the logarithm is finite without bone."""


@dataclass(frozen=True)
class SimulatedSplit:
    """CT variants and patients for one purpose; no two splits share a variant or a patient."""

    variants: range
    first_seed: int


TRAIN = SimulatedSplit(range(0, 192), 10_000_000)
CALIBRATE = SimulatedSplit(range(200, 232), 1_000_000)
TEST = SimulatedSplit(range(300, 332), 2_000_000)


@dataclass(frozen=True)
class Batch:
    """Films (N, 1, S, S) with their targets; an unknown target is NaN.

    ``label`` and the standardised ``t_score`` are (N,). ``mineral`` (N, 36) is the log mineral of
    the blocks. ``bone`` (N, S / 32, S / 32) is each cell's share of the film's bone. With
    ``twins``, films 2k and 2k + 1 differ only in density.
    """

    film: Tensor
    label: Tensor
    t_score: Tensor
    mineral: Tensor
    bone: Tensor
    twins: bool = True

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on ``device``, with films in channels-last order."""
        names = ("label", "t_score", "mineral", "bone")
        targets = {name: getattr(self, name).to(device) for name in names}
        film = self.film.to(device, memory_format=torch.channels_last)
        return replace(self, film=film, **targets)


@dataclass(frozen=True)
class SimulatedFilm:
    """One film (float16) and its targets, without the batch axis."""

    film: npt.NDArray[np.float16]
    label: bool
    t_score: float
    mineral: Float
    bone: Float


Pair = tuple[SimulatedFilm, SimulatedFilm]


def render_variants(splits: Iterable[SimulatedSplit], folder: Path) -> Maps:
    """Return maps, float16 (3, side, side), by the variant's number; they are cached on disk."""
    numbers = [number for split in splits for number in split.variants]
    cached = all(map_path(folder, number, MAP_SIDE).exists() for number in numbers)
    anatomy = None if cached else load_anatomy()
    return {
        number: cached_maps(anatomy, number, MAP_SIDE, folder).astype(np.float16)
        for number in track(numbers, "variants")
    }


def twin_pair(maps: Maps, split: SimulatedSplit, seed: int, size: int) -> Pair:
    """Return two films that differ only in density.

    Without twins, the net first learns exposure and body shape, which takes about a thousand films.
    With twins, the net learns bone from the first step, because twins differ only in bone.
    """
    rng = np.random.default_rng([31, seed])
    first = sample_subject(split.first_seed + int(rng.integers(2**40)), split.variants)
    t_score = first.t_score
    while abs(t_score - first.t_score) < 0.5:
        t_score = float(rng.normal(T_MEAN, T_SPREAD))
    film, twin = _render_twins(maps, (first, with_t_score(first, t_score)), size)
    return film, twin


def twin_batch(pairs: Sequence[Pair]) -> Batch:
    """Return a batch of pairs: films 2k and 2k + 1 are twins."""
    films = [film for pair in pairs for film in pair]
    t_scores = np.array([film.t_score for film in films], np.float32)
    return Batch(
        film=torch.from_numpy(np.stack([film.film for film in films]).astype(np.float32)),
        label=torch.tensor([float(film.label) for film in films]),
        t_score=torch.from_numpy((t_scores - np.float32(T_MEAN)) / np.float32(T_SPREAD)),
        mineral=torch.from_numpy(np.stack([film.mineral.ravel() for film in films])),
        bone=torch.from_numpy(np.stack([film.bone for film in films])),
    )


def sample_subjects(split: SimulatedSplit, count: int) -> list[SimulatedSubject]:
    """Return the first ``count`` patients of a split; they are always the same."""
    return [sample_subject(split.first_seed + number, split.variants) for number in range(count)]


def render_films(
    maps: Maps, patients: Sequence[SimulatedSubject], size: int
) -> npt.NDArray[np.float16]:
    """Return the patients' films, prepared for a net of ``size``, (n, 1, S, S)."""
    return np.stack([_render_twins(maps, (patient,), size)[0].film for patient in patients])


def _render_twins(maps: Maps, twins: Sequence[SimulatedSubject], size: int) -> list[SimulatedFilm]:
    """Render subjects that differ only in density; the scene, which is slow, is made once."""
    scene = compose_scene(maps[twins[0].variant].astype(np.float32), twins[0], size)
    bone = bone_share_by_cell(scene, size)
    return [
        SimulatedFilm(
            film=prepare(Radiograph(expose_scene(scene, twin)), size).array.astype(np.float16),
            label=twin.label,
            t_score=twin.t_score,
            mineral=np.log(block_mineral(scene, twin, size) + MINERAL_FLOOR),
            bone=bone,
        )
        for twin in twins
    ]
