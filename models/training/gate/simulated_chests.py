"""Simulated chests for the gate: frontal ones, and those turned to the side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from models.simulate.anatomy import Anatomy, load_anatomy
from models.simulate.anatomy_variants import render_maps, sample_variant
from models.simulate.exposure import expose, sample_exposure
from models.simulate.subject import build_subject, compose_scene, expose_scene
from models.simulate.vendor_ranges import MIXED

Float = npt.NDArray[np.float32]

_WIDTH_MM = 380.0
"""How deep a chest is to rays from the side: all of the trunk."""


@dataclass(frozen=True)
class Chest:
    """One simulated film, float32 in 0..1, of a variant of the CT; seen ``frontal`` or not."""

    film: Float
    variant: int
    frontal: bool


def simulate(variants: Sequence[int], films: int, size: int) -> list[Chest]:
    """For each variant ``films`` frontal films and as many from the side, in the given order."""
    anatomy = load_anatomy()
    made: list[Chest] = []
    console = Console(stderr=True)
    for number in track(variants, description="chests", console=console):
        made += _frontal(anatomy, number, films, size)
        made += _turned(anatomy, number, films, size)
    return made


def _frontal(anatomy: Anatomy, number: int, films: int, size: int) -> list[Chest]:
    maps = render_maps(anatomy, sample_variant(number), size)
    made = []
    for one in range(films):
        seed = number * 1000 + one
        subject = build_subject(seed, number, (-2.0, False), MIXED, 0.3)
        made.append(Chest(expose_scene(compose_scene(maps, subject, size), subject), number, True))
    return made


def _turned(anatomy: Anatomy, number: int, films: int, size: int) -> list[Chest]:
    """From the side, either side first, or aslant; half of the films of a variant alike turned."""
    rng = np.random.default_rng([52, number])
    made = []
    for half in range(2):
        aslant = rng.random() < 0.25
        turn = rng.uniform(40, 65) if aslant else rng.normal(90, 8)
        variant = replace(sample_variant(number), turn=float(turn * rng.choice((-1, 1))))
        maps = render_maps(anatomy, variant, size, _WIDTH_MM)
        for one in range(half, films, 2):
            density = np.float32(rng.uniform(0.5, 1.1))
            film = expose(
                maps[0], maps[1:].sum(axis=0) * density, sample_exposure(number * 1000 + one)
            )
            made.append(Chest(_cut(film, rng), number, False))
    return made


def _cut(film: Float, rng: np.random.Generator) -> Float:
    """A film as narrow as lateral ones are taken, or square, and never all of the field."""
    rows, columns = film.shape
    tall, wide = rows * rng.uniform(0.82, 0.98), columns * rng.uniform(0.6, 0.95)
    top, left = (rows - tall) * rng.random(), (columns - wide) * rng.uniform(0.3, 0.7)
    return film[int(top) : int(top + tall), int(left) : int(left + wide)]
