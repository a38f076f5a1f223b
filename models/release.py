"""Turn trained weights into a bundle: calibrate, measure, freeze, describe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import scipy
import torch

from models.calibrate import area, platt, youden
from models.card import Card, Figure, IntendedUse, Training
from models.data import CALIBRATE, TEST, TRAIN, Maps, predict, subjects
from models.grid import GridNet
from models.pixels import Radiograph
from models.registry import write_bundle
from models.scoring import Bundle
from models.simulate.anatomy import ATTRIBUTION
from models.simulate.cohort import render, twin

VERSION = "0.1.0"

CALIBRATION_FILMS = 480
TEST_FILMS = 640

_GOLDEN_FROM = 24
"""Golden films are the test patients of lowest, middle and highest density among this many."""

_LIMITS = (
    "Demonstration only: not for patients, not for research on patients.",
    "Trained and tested on simulated films alone, all made from ONE person's chest CT; held-out "
    "variants of that CT do not test new anatomy.",
    "No accuracy on real films is known or claimed: no film with a bone density was available.",
    "The simulated label is a T-score with noise, not a densitometer's reading of a person.",
    "Frontal chest films of adults only; the score of any other picture means nothing.",
)


def release(
    path: Path, net: GridNet, maps: Maps, training: Training, version: str = VERSION
) -> Bundle:
    """Calibrate on one held-out split, measure on another, write the bundle to ``path``."""
    logits, labels = predict(net, maps, subjects(CALIBRATE, CALIBRATION_FILMS))
    calibration = platt(logits, labels)
    source = f"simulated, {len(CALIBRATE.variants)} variants of the CT kept for calibration"
    point = youden(logits, labels, calibration, source)
    card = Card(
        name="osteoscreen-demo",
        version=version,
        intended_use=IntendedUse.DEMONSTRATION,
        summary=(
            "Grid hybrid net (ResNet-18 over 6 x 6 blocks, Transformer over the blocks) trained on "
            "simulated chest films of known bone density."
        ),
        limits=_LIMITS,
        inputs=f"One frontal chest film, padded to a square of {net.config.size} px; nothing else.",
        output="Calibrated probability of osteoporosis in the simulated cohort (37 % have it).",
        net="grid",
        architecture=net.config,
        calibration=calibration,
        operating_points=(point,),
        figures=_figures(net, maps),
        training=training,
        attribution=(ATTRIBUTION,),
        golden=(),
    )
    return write_bundle(path, card, net, _golden(maps, net.config.size))


def describe(films: int, steps: int, minutes: float, seed: int) -> Training:
    """The card's account of a run on the simulated cohort."""
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    versions |= {"scipy": scipy.__version__, "nibabel": nibabel.__version__}
    return Training(
        data=(
            f"{films} simulated films, half of them twins of the other half at another density, "
            f"from {len(TRAIN.variants)} variants of one chest CT"
        ),
        label="simulated lumbar-spine T-score at or under -2.5, with noise of 0.4 T",
        films=films,
        steps=steps,
        minutes=round(minutes, 1),
        seed=seed,
        software=versions,
    )


def _figures(net: GridNet, maps: Maps) -> tuple[Figure, ...]:
    """AUC on held-out variants, and the same with density switched off, which must be chance."""
    patients = subjects(TEST, TEST_FILMS)
    source = f"simulated, {len(TEST.variants)} variants of the CT seen nowhere else"
    logits, labels = predict(net, maps, patients)
    off = [replace(twin(one, -2.0), label=one.label) for one in patients[: TEST_FILMS // 2]]
    blind, same = predict(net, maps, off)
    return (
        area("held out", logits, labels, source),
        area("density switched off", blind, same, f"{source}; everyone at T -2, labels kept"),
    )


def _golden(maps: Maps, size: int) -> dict[str, Radiograph]:
    """Three films to keep, by file name."""
    ranked = sorted(subjects(TEST, _GOLDEN_FROM), key=lambda one: one.t_score)
    chosen = {"low": ranked[0], "middle": ranked[len(ranked) // 2], "high": ranked[-1]}
    return {
        f"simulated-{name}-density.png": Radiograph(
            render(maps[one.variant].astype(np.float32), one, size)[0]
        )
        for name, one in chosen.items()
    }
