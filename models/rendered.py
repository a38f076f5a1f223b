"""Training on simulated films, rendered while the net trains: no film is ever seen twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.calibrate import area
from models.card import Figure, IntendedUse
from models.checkpoint import Progressed
from models.data import (
    CALIBRATE,
    TEST,
    TRAIN,
    Batch,
    Float,
    Maps,
    predict,
    subjects,
    twin_batch,
)
from models.grid import FilmNet, GridNet
from models.pixels import Radiograph
from models.release import HeldOut, Origin, account, release
from models.scoring import Bundle
from models.simulate.anatomy import ATTRIBUTION
from models.simulate.cohort import render, twin

CALIBRATION_FILMS = 480
TEST_FILMS = 640

_GOLDEN_FROM = 24
"""Golden films are the test patients of lowest, middle and highest density among this many."""

SIMULATED = Origin(
    name="osteoscreen-demo",
    # 0.1.0 is the shipped bundle, trained in the world before the present one.
    version="0.2.0",
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
        "simulated films, half of them twins of the other half at another density, "
        f"from {len(TRAIN.variants)} variants of one chest CT"
    ),
    label="simulated lumbar-spine T-score at or under -2.5, with measurement noise",
    validation=f"simulated, {len(CALIBRATE.variants)} variants of the CT kept for calibration",
    attribution=(ATTRIBUTION,),
)


@dataclass(frozen=True)
class Rendered:
    """Twins of the training variants; validation on the first patients kept for calibration."""

    maps: Maps
    seed: int
    pairs: int = 4
    validation: int = 128

    def batch(self, number: int, size: int) -> Batch:
        """Pairs of films that differ in density alone."""
        return twin_batch(self.maps, TRAIN, self.seed * 1_000_003 + number, self.pairs, size)

    def validate(self, net: FilmNet) -> tuple[Float, Float]:
        """Logits and labels of patients that no batch holds."""
        return predict(net, self.maps, subjects(CALIBRATE, self.validation))


def release_rendered(path: Path, net: GridNet, maps: Maps, done: Progressed, seed: int) -> Bundle:
    """Calibrate on one held-out set of variants, measure on another, write the bundle."""
    held_out = HeldOut(*predict(net, maps, subjects(CALIBRATE, CALIBRATION_FILMS)))
    card = (SIMULATED, account(SIMULATED, done, seed))
    golden = _golden(maps, net.config.size)
    return release(path, net, held_out, _figures(net, maps), golden, card)


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
