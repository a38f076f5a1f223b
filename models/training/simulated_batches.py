"""Batches of simulated films, prepared for the net exactly as served films are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch import Tensor

from models.images.preprocess import prepare
from models.images.radiograph import Radiograph
from models.simulate.anatomy import load_anatomy
from models.simulate.anatomy_variants import MAP_SIDE, cached_maps
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
"""g/cm2 added before the logarithm, so that a block without bone has a finite target."""


@dataclass(frozen=True)
class Split:
    """Variants and patients of one use; splits share neither."""

    variants: range
    first_seed: int


TRAIN = Split(range(0, 192), 10_000_000)
CALIBRATE = Split(range(200, 232), 1_000_000)
TEST = Split(range(300, 332), 2_000_000)


@dataclass(frozen=True)
class Batch:
    """Films (N, 1, S, S) with what is to be learned from them; what is not known is NaN.

    Labels (N,), standardised T (N,), log mineral of the blocks (N, 36), and each cell's share of
    bone over the film's (N, S / 32, S / 32). With ``twins``, films 2k and 2k + 1 differ in density
    alone.
    """

    film: Tensor
    label: Tensor
    t_score: Tensor
    mineral: Tensor
    bone: Tensor
    twins: bool = True

    def to(self, device: torch.device) -> Batch:
        """The same on ``device``, films in channels-last order."""
        return Batch(
            film=self.film.to(device, memory_format=torch.channels_last),
            label=self.label.to(device),
            t_score=self.t_score.to(device),
            mineral=self.mineral.to(device),
            bone=self.bone.to(device),
            twins=self.twins,
        )


@dataclass(frozen=True)
class Shown:
    """One film and what is known of it, without a batch's leading axis; the film in float16."""

    film: npt.NDArray[np.float16]
    label: bool
    t_score: float
    mineral: Float
    bone: Float


Pair = tuple[Shown, Shown]


def render_variants(splits: Iterable[Split], folder: Path) -> Maps:
    """Maps of every variant, float16 (3, side, side) by number; rendered on first use."""
    numbers = [number for split in splits for number in split.variants]
    anatomy = None
    maps: Maps = {}
    for number in track(numbers, description="variants"):
        try:
            found = cached_maps(anatomy, number, MAP_SIDE, folder)
        except FileNotFoundError:
            anatomy = load_anatomy()
            found = cached_maps(anatomy, number, MAP_SIDE, folder)
        maps[number] = found.astype(np.float16)
    return maps


def twin_pair(maps: Maps, split: Split, seed: int, size: int) -> Pair:
    """Two films that differ in density alone.

    Without twins the net spends its first thousand films on exposure and build; the difference of
    two films with everything else equal points at bone from the first step.
    """
    rng = np.random.default_rng([31, seed])
    first = sample_subject(split.first_seed + int(rng.integers(2**40)), split.variants)
    other = first.t_score
    while abs(other - first.t_score) < 0.5:
        other = float(rng.normal(T_MEAN, T_SPREAD))
    one, two = _show(maps, (first, with_t_score(first, other)), size)
    return one, two


def twin_batch(pairs: Sequence[Pair]) -> Batch:
    """Pairs one after the other: films 2k and 2k + 1 are twins."""
    shown = [one for pair in pairs for one in pair]
    t_scores = np.array([one.t_score for one in shown], np.float32)
    return Batch(
        film=torch.from_numpy(np.stack([one.film for one in shown]).astype(np.float32)),
        label=torch.tensor([float(one.label) for one in shown]),
        t_score=torch.from_numpy((t_scores - np.float32(T_MEAN)) / np.float32(T_SPREAD)),
        mineral=torch.from_numpy(np.stack([one.mineral for one in shown]).reshape(len(shown), -1)),
        bone=torch.from_numpy(np.stack([one.bone for one in shown])),
    )


def subjects(split: Split, count: int) -> list[SimulatedSubject]:
    """The split's first patients; the same for ever."""
    return [sample_subject(split.first_seed + number, split.variants) for number in range(count)]


def render_films(
    maps: Maps, patients: Sequence[SimulatedSubject], size: int
) -> npt.NDArray[np.float16]:
    """The patients' films, prepared for a net of ``size``: (n, 1, S, S)."""
    return np.stack([_show(maps, (one,), size)[0].film for one in patients])


def _show(maps: Maps, alike: Sequence[SimulatedSubject], size: int) -> list[Shown]:
    """Films of subjects who differ in density alone: the scene, the dearest part, is made once."""
    scene = compose_scene(maps[alike[0].variant].astype(np.float32), alike[0], size)
    bone = bone_share_by_cell(scene, size)
    return [
        Shown(
            film=prepare(Radiograph(expose_scene(scene, one)), size).array.astype(np.float16),
            label=one.label,
            t_score=one.t_score,
            mineral=np.log(block_mineral(scene, one, size) + MINERAL_FLOOR),
            bone=bone,
        )
        for one in alike
    ]
