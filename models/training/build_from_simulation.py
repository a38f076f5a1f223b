"""Build a bundle from a net trained on simulated films."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.bundle.card import CardFigure, Training
from models.bundle.intended_use import IntendedUse
from models.bundle.score import Bundle
from models.calibration.platt import area
from models.images.radiograph import Radiograph
from models.nets.grid import GridNet
from models.simulate.anatomy import ATTRIBUTION
from models.simulate.subject import render_film, with_t_score
from models.training.build_bundle import CardText, ClinicalInputs, HeldOut, release
from models.training.manifest_source import logits
from models.training.simulated_batches import (
    CALIBRATE,
    TEST,
    TRAIN,
    Maps,
    subjects,
)
from models.training.simulated_source import SimulatedSource, _films

TEST_FILMS = 640


_GOLDEN_FROM = 24
"""Golden films are the test patients of lowest, middle and highest density among this many."""


SIMULATED = CardText(
    name="osteoscreen-demo",
    version="0.4.0",
    intended_use=IntendedUse.DEMONSTRATION,
    summary=(
        "Grid hybrid net (ResNet-18 over 6 x 6 blocks, Transformer over the blocks) trained on "
        "simulated chest films of known bone density."
    ),
    limits=(
        "Demonstration only: not for patients, not for research on patients.",
        "Trained and tested on simulated films alone, all made from ONE person's chest CT; "
        "held-out variants of that CT do not test new anatomy.",
        "No accuracy on real films is known or claimed: no film with a bone density was available.",
        "The simulated label is a T-score with noise, not a densitometer's reading of a person.",
        "Frontal chest films of adults only; the score of any other picture means nothing.",
    ),
    output="Calibrated probability of osteoporosis in the simulated cohort (37 % have it).",
    data=(
        "simulated, a third of them new and the others shown again, half of them twins of the "
        "other half at another density, "
        f"from {len(TRAIN.variants)} variants of one chest CT"
    ),
    label="simulated lumbar-spine T-score at or under -2.5, with measurement noise",
    validation=f"simulated, {len(CALIBRATE.variants)} variants of the CT kept for calibration",
    attribution=(ATTRIBUTION,),
)


def release_rendered(
    path: Path, net: GridNet, films: SimulatedSource, training: Training, start: Bundle | None
) -> Bundle:
    """Calibrate on the films held out, measure on another set of variants, write the bundle.

    The clinical model of ``start`` goes along. Rendered films have no patients whose facts it could
    be combined with: ``recalibrate`` does that on a cohort.
    """
    said, label = logits(net, films.held_out), films.held_out.label
    clinical = start.clinical if start else None
    carried = None if clinical is None else ClinicalInputs(clinical, np.full(len(label), np.nan))
    golden = _golden(films.maps, net.config.size)
    figures, card = _figures(net, films.maps), (SIMULATED, training)
    return release(path, net, HeldOut(said, label, carried), figures, golden, card)


def _figures(net: GridNet, maps: Maps) -> tuple[CardFigure, ...]:
    """AUC on held-out variants, and the same with density switched off, which must be chance."""
    patients = subjects(TEST, TEST_FILMS)
    source = f"simulated, {len(TEST.variants)} variants of the CT seen nowhere else"
    off = [replace(with_t_score(one, -2.0), label=one.label) for one in patients[: TEST_FILMS // 2]]
    found = []
    for name, where, people in (
        ("held out", source, patients),
        ("density switched off", f"{source}; everyone at T -2, labels kept", off),
    ):
        films = _films(maps, people, net.config.size)
        found.append(area(name, logits(net, films), films.label, where))
    return tuple(found)


def _golden(maps: Maps, size: int) -> dict[str, Radiograph]:
    """Three films to keep, by file name."""
    ranked = sorted(subjects(TEST, _GOLDEN_FROM), key=lambda one: one.t_score)
    chosen = {"low": ranked[0], "middle": ranked[len(ranked) // 2], "high": ranked[-1]}
    return {
        f"simulated-{name}-density.png": Radiograph(
            render_film(maps[one.variant].astype(np.float32), one, size)[0]
        )
        for name, one in chosen.items()
    }
