"""Build a bundle from a net trained on simulated films."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.bundle.card import CardFigure, Training
from models.bundle.intended_use import IntendedUse
from models.bundle.score import Bundle
from models.calibration.platt import card_figure
from models.images.radiograph import Radiograph
from models.nets.grid import GridNet
from models.simulate.anatomy import ATTRIBUTION
from models.simulate.subject import render_film, with_t_score
from models.training.build_bundle import CardText, ClinicalInputs, HeldOut, write_calibrated
from models.training.manifest_source import logits
from models.training.simulated_batches import CALIBRATE, TEST, TRAIN, Maps, sample_subjects
from models.training.simulated_source import SimulatedSource, render_labelled

TEST_FILMS = 640

_GOLDEN_CANDIDATES = 24
"""Number of test patients from whom the golden films are chosen."""

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
        "Trained and tested only on simulated films, all made from ONE person's chest CT; "
        "held-out variants of that CT do not test new anatomy.",
        "No accuracy on real films is claimed: no real film with a bone density was available.",
        "The simulated label is a T-score with noise, not a densitometer's reading of a person.",
        "Only for frontal chest radiographs of adults; scores of other images are meaningless.",
    ),
    output="Calibrated probability of osteoporosis in the simulated cohort (37 % have it).",
    data=(
        f"simulated from {len(TRAIN.variants)} variants of one chest CT, a third of them new and "
        "the others repeated, in pairs that differ only in bone density"
    ),
    label="simulated lumbar-spine T-score at or under -2.5, with measurement noise",
    validation=f"simulated, {len(CALIBRATE.variants)} variants of the CT reserved for calibration",
    attribution=(ATTRIBUTION,),
)


def build_from_simulation(
    path: Path, net: GridNet, films: SimulatedSource, training: Training, start: Bundle | None
) -> Bundle:
    """Calibrate on the held-out films, measure on test variants, and write the bundle.

    The clinical model of ``start`` is copied. There is no combined model, because these films have
    no clinical data. ``recalibrate`` fits a combined model on a cohort. Raises BundleError.
    """
    label = films.held_out.label
    clinical = start.clinical if start else None
    inputs = ClinicalInputs(clinical, np.full(len(label), np.nan)) if clinical else None
    held_out = HeldOut(logits(net, films.held_out), label, inputs)
    golden = _golden_films(films.maps, net.config.size)
    figures, card = _measure(net, films.maps), (SIMULATED, training)
    return write_calibrated(path, net, held_out, figures, golden, card)


def _measure(net: GridNet, maps: Maps) -> tuple[CardFigure, ...]:
    """Return the AUC on test variants, and the AUC at equal bone density, which should be 0.5."""
    patients = sample_subjects(TEST, TEST_FILMS)
    equal_density = [
        replace(with_t_score(patient, -2.0), label=patient.label)
        for patient in patients[: TEST_FILMS // 2]
    ]
    source = f"simulated, {len(TEST.variants)} variants of the CT not used otherwise"
    figures = []
    for name, description, people in (
        ("held out", source, patients),
        ("density switched off", f"{source}; all T-scores -2, labels unchanged", equal_density),
    ):
        films = render_labelled(maps, people, net.config.size)
        figures.append(card_figure(name, logits(net, films), films.label, description))
    return tuple(figures)


def _golden_films(maps: Maps, size: int) -> dict[str, Radiograph]:
    """Return the films of lowest, middle and highest density, by file name."""
    ranked = sorted(sample_subjects(TEST, _GOLDEN_CANDIDATES), key=lambda patient: patient.t_score)
    chosen = {"low": ranked[0], "middle": ranked[len(ranked) // 2], "high": ranked[-1]}
    return {
        f"simulated-{name}-density.png": Radiograph(
            render_film(maps[patient.variant].astype(np.float32), patient, size)[0]
        )
        for name, patient in chosen.items()
    }
