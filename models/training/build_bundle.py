"""Build a bundle from trained weights: calibrate, fit the thresholds, write card and files.

The bundle contains the clinical model, if there is one. A combined model is fitted if enough
held-out films have clinical data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path

import numpy as np

from models.bundle.card import Calibration, Card, CardFigure, EarlierRun, Training
from models.bundle.combined import CombinedModel
from models.bundle.intended_use import IntendedUse
from models.bundle.operating_points import OperatingPoint, fit_operating_points
from models.bundle.score import Bundle, calibrated
from models.bundle.store import BundleError, write_bundle
from models.calibration.auc import Numbers
from models.calibration.combined_fit import fit_combined
from models.calibration.platt import platt
from models.clinical.model import ClinicalModel
from models.images.radiograph import Radiograph
from models.nets.grid import GridNet
from models.training.checkpoint import TrainingProgress

MINIMUM_PER_CLASS = 20
"""Minimum number of films of each class for the fit of a combined model."""

_SOFTWARE = ("torch", "numpy", "scipy")


@dataclass(frozen=True)
class CardText:
    """Texts of a model card.

    ``validation`` describes the films that calibration and thresholds were fitted on.
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
class ClinicalInputs:
    """A clinical model for the bundle, and its logits for the held-out films, (n,).

    A film without clinical data has the logit NaN.
    """

    model: ClinicalModel
    logits: Numbers


@dataclass(frozen=True)
class HeldOut:
    """Logits and labels, (n,) each, of films that the net was not trained on."""

    logits: Numbers
    labels: Numbers
    clinical: ClinicalInputs | None = None


@dataclass(frozen=True)
class CalibratedParts:
    """The parts of a bundle that are fitted on held-out films."""

    calibration: Calibration
    operating_points: tuple[OperatingPoint, ...]
    combined: CombinedModel | None


def write_calibrated(
    path: Path,
    net: GridNet,
    held_out: HeldOut,
    figures: tuple[CardFigure, ...],
    golden: Mapping[str, Radiograph],
    card: tuple[CardText, Training],
) -> Bundle:
    """Calibrate on the held-out films and write a bundle with this net to ``path``.

    ``golden`` maps file names to films. Raises BundleError if all films have the same score.
    """
    text, training = card
    parts = calibrate(held_out, text.validation)
    content = Card(
        name=text.name,
        version=text.version,
        intended_use=text.intended_use,
        summary=text.summary,
        limits=text.limits,
        inputs=(
            f"One frontal chest radiograph, padded to a square of {net.config.size} px. "
            "The image score uses no other input."
        ),
        output=text.output,
        net="grid",
        architecture=net.config,
        calibration=parts.calibration,
        operating_points=parts.operating_points,
        figures=figures,
        training=training,
        attribution=text.attribution,
        combined=parts.combined,
        golden=(),
    )
    clinical = held_out.clinical.model if held_out.clinical else None
    return write_bundle(path, content, net, golden, (clinical, None))


def calibrate(held_out: HeldOut, source: str) -> CalibratedParts:
    """Fit calibration, operating points and combined model; ``source`` describes the films.

    Raises BundleError if all films have the same score.
    """
    calibration = platt(held_out.logits, held_out.labels)
    scores = np.array([calibrated(float(logit), calibration) for logit in held_out.logits])
    try:
        operating_points = fit_operating_points(scores, held_out.labels, source)
    except ValueError as error:
        raise BundleError(f"no bundle was written: {error}; train longer") from error
    return CalibratedParts(calibration, operating_points, _fit_combined(held_out, source))


def training_record(
    text: CardText, progress: TrainingProgress, seed: int, start: Bundle | None = None
) -> Training:
    """Return the card's record of a run; ``start`` is the bundle with the initial weights."""
    return Training(
        data=f"{progress.films} films: {text.data}",
        label=text.label,
        films=progress.films,
        steps=progress.step,
        minutes=round(progress.seconds / 60, 1),
        seed=seed,
        software={name: installed(name) for name in _SOFTWARE},
        before=None if start is None else _earlier_runs(start.card),
    )


def _earlier_runs(card: Card) -> tuple[EarlierRun, ...]:
    last = card.training
    run = EarlierRun(
        bundle=f"{card.name} {card.version}, {card.digest}",
        size=card.architecture.size,
        films=last.films,
        steps=last.steps,
        minutes=last.minutes,
    )
    return (*(last.before or ()), run)


def _fit_combined(held_out: HeldOut, source: str) -> CombinedModel | None:
    """Fit the combined model on films with both logits; return None if there are too few."""
    if held_out.clinical is None:
        return None
    complete = np.isfinite(held_out.clinical.logits)
    image, clinical, labels = (
        values[complete] for values in (held_out.logits, held_out.clinical.logits, held_out.labels)
    )
    positives = int((labels > 0.5).sum())
    if min(positives, len(labels) - positives) < MINIMUM_PER_CLASS:
        return None
    source = f"{source}: the {len(labels)} with age, sex, weight and height in range"
    return fit_combined(image, clinical, labels, source)
