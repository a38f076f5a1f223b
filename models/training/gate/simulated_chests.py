"""Simulated frontal and lateral chest films for the gate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from models.io.progress import track
from models.simulate.anatomy import Anatomy, load_anatomy
from models.simulate.anatomy_variants import render_maps, sample_variant
from models.simulate.exposure import expose, sample_exposure
from models.simulate.subject import build_subject, compose_scene, expose_scene
from models.simulate.vendor_ranges import MIXED

Float = npt.NDArray[np.float32]

_WIDTH_MM = 380.0
"""Depth of the trunk along the rays of a lateral film."""


@dataclass(frozen=True)
class SimulatedChest:
    """One simulated film of a CT variant, float32 in 0..1; it is ``frontal`` or lateral."""

    film: Float
    variant: int
    frontal: bool


def simulate_chests(variants: Sequence[int], films: int, size: int) -> list[SimulatedChest]:
    """Return ``films`` frontal and ``films`` lateral films of each variant, in the given order."""
    anatomy = load_anatomy()
    chests: list[SimulatedChest] = []
    for number in track(variants, "chests"):
        chests += _frontal(anatomy, number, films, size)
        chests += _lateral(anatomy, number, films, size)
    return chests


def _frontal(anatomy: Anatomy, number: int, films: int, size: int) -> list[SimulatedChest]:
    maps = render_maps(anatomy, sample_variant(number), size)
    chests = []
    for index in range(films):
        subject = build_subject(number * 1000 + index, number, (-2.0, False), MIXED, 0.3)
        film = expose_scene(compose_scene(maps, subject, size), subject)
        chests.append(SimulatedChest(film, number, frontal=True))
    return chests


def _lateral(anatomy: Anatomy, number: int, films: int, size: int) -> list[SimulatedChest]:
    """Simulate lateral or oblique films of both sides, with two angles for each variant."""
    rng = np.random.default_rng([52, number])
    chests = []
    for half in range(2):
        oblique = rng.random() < 0.25
        turn = rng.uniform(40, 65) if oblique else rng.normal(90, 8)
        variant = replace(sample_variant(number), turn=float(turn * rng.choice((-1, 1))))
        maps = render_maps(anatomy, variant, size, _WIDTH_MM)
        for index in range(half, films, 2):
            density = np.float32(rng.uniform(0.5, 1.1))
            film = expose(
                maps[0], maps[1:].sum(axis=0) * density, sample_exposure(number * 1000 + index)
            )
            chests.append(SimulatedChest(_crop(film, rng), number, frontal=False))
    return chests


def _crop(film: Float, rng: np.random.Generator) -> Float:
    """Cut out a random rectangle that has the proportions of a lateral film."""
    rows, columns = film.shape
    height, width = rows * rng.uniform(0.82, 0.98), columns * rng.uniform(0.6, 0.95)
    top, left = (rows - height) * rng.random(), (columns - width) * rng.uniform(0.3, 0.7)
    return film[int(top) : int(top + height), int(left) : int(left + width)]
