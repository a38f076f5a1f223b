"""Turn trained weights into a bundle: calibrate, freeze the threshold, describe, write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.calibrate import platt, youden
from models.card import Card, Figure, IntendedUse, Training
from models.checkpoint import Progressed
from models.grid import GridNet
from models.pixels import Radiograph
from models.registry import write_bundle
from models.scoring import Bundle

Values = npt.NDArray[np.floating]

_SOFTWARE = ("torch", "numpy", "scipy", "monai")


@dataclass(frozen=True)
class Origin:
    """What a card says of the films behind a bundle, in words.

    ``validation`` names the films that calibration and threshold come from.
    """

    name: str
    version: str
    intended_use: IntendedUse
    summary: str
    limits: tuple[str, ...]
    output: str
    data: str
    label: str
    validation: str
    attribution: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeldOut:
    """Logits and labels of films that no weight was fitted to, (n,) each."""

    logits: Values
    labels: Values


def release(
    path: Path,
    net: GridNet,
    held_out: HeldOut,
    figures: tuple[Figure, ...],
    golden: Mapping[str, Radiograph],
    card: tuple[Origin, Training],
) -> Bundle:
    """Calibrate on the held-out films, freeze their Youden threshold, write to ``path``."""
    origin, training = card
    calibration = platt(held_out.logits, held_out.labels)
    point = youden(held_out.logits, held_out.labels, calibration, origin.validation)
    written = Card(
        name=origin.name,
        version=origin.version,
        intended_use=origin.intended_use,
        summary=origin.summary,
        limits=origin.limits,
        inputs=f"One frontal chest film, padded to a square of {net.config.size} px; nothing else.",
        output=origin.output,
        net="grid",
        architecture=net.config,
        calibration=calibration,
        operating_points=(point,),
        figures=figures,
        training=training,
        attribution=origin.attribution,
        golden=(),
    )
    return write_bundle(path, written, net, golden)


def account(origin: Origin, done: Progressed, seed: int) -> Training:
    """The card's account of a run."""
    return Training(
        data=f"{done.films} films in all: {origin.data}",
        label=origin.label,
        films=done.films,
        steps=done.step,
        minutes=round(done.seconds / 60, 1),
        seed=seed,
        software={name: installed(name) for name in _SOFTWARE},
    )
