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

from models.grid import FilmNet
from models.pixels import Radiograph
from models.preprocess import prepare
from models.simulate.anatomy import load_anatomy
from models.simulate.cohort import T_MEAN, T_SPREAD, Subject, render, sample_subject, twin
from models.simulate.variants import MAP_SIDE, cached_maps

Float = npt.NDArray[np.float32]
Maps = dict[int, npt.NDArray[np.float16]]

MINERAL_FLOOR = 0.02
"""g/cm2 added before the logarithm, so that a block without bone has a finite target."""


@dataclass(frozen=True)
class Split:
    """Variants and patients of one use; splits share neither."""

    variants: range
    first_seed: int


TRAIN = Split(range(0, 96), 10_000_000)
CALIBRATE = Split(range(200, 232), 1_000_000)
TEST = Split(range(300, 332), 2_000_000)


@dataclass(frozen=True)
class Batch:
    """Films (N, 1, S, S) with labels (N,), standardised T (N,) and log block mineral (N, 36).

    What is not known is NaN. With ``twins``, films 2k and 2k + 1 differ in density alone.
    """

    film: Tensor
    label: Tensor
    t_score: Tensor
    mineral: Tensor
    twins: bool = True

    def to(self, device: torch.device) -> Batch:
        """The same on ``device``, films in channels-last order."""
        return Batch(
            film=self.film.to(device, memory_format=torch.channels_last),
            label=self.label.to(device),
            t_score=self.t_score.to(device),
            mineral=self.mineral.to(device),
            twins=self.twins,
        )


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


def twin_batch(maps: Maps, split: Split, seed: int, pairs: int, size: int) -> Batch:
    """Pairs of films that differ in density alone, one after the other: 2 * pairs films.

    Without twins the net spends its first thousand films on exposure and build; the difference of
    two films with everything else equal points at bone from the first step.
    """
    rng = np.random.default_rng([31, seed])
    patients: list[Subject] = []
    for _ in range(pairs):
        first = sample_subject(split.first_seed + int(rng.integers(2**40)), split.variants)
        other = first.t_score
        while abs(other - first.t_score) < 0.5:
            other = float(rng.normal(T_MEAN, T_SPREAD))
        patients += [first, twin(first, other)]
    return _collate(maps, patients, size)


def subjects(split: Split, count: int) -> list[Subject]:
    """The split's first patients; the same for ever."""
    return [sample_subject(split.first_seed + number, split.variants) for number in range(count)]


def predict(net: FilmNet, maps: Maps, patients: Sequence[Subject]) -> tuple[Float, Float]:
    """Logits and labels of the patients' films, (n,) each, without calibration."""
    logits, labels = [], []
    for first in range(0, len(patients), 8):
        some = patients[first : first + 8]
        batch = _collate(maps, some, net.config.size)
        with torch.inference_mode():
            logits.append(net(batch.film).logit.numpy())
        labels.append(batch.label.numpy())
    return np.concatenate(logits), np.concatenate(labels)


def _collate(maps: Maps, patients: Sequence[Subject], size: int) -> Batch:
    films, minerals = [], []
    for subject in patients:
        pixels, mineral = render(maps[subject.variant].astype(np.float32), subject, size)
        films.append(prepare(Radiograph(pixels), size).array)
        minerals.append(np.log(mineral + MINERAL_FLOOR))
    t_scores = np.array([subject.t_score for subject in patients], np.float32)
    return Batch(
        film=torch.from_numpy(np.stack(films)),
        label=torch.tensor([float(subject.label) for subject in patients]),
        t_score=torch.from_numpy((t_scores - np.float32(T_MEAN)) / np.float32(T_SPREAD)),
        mineral=torch.from_numpy(np.stack(minerals).reshape(len(patients), -1)),
    )
