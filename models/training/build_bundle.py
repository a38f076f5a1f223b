"""Turn trained weights into a bundle: calibrate, freeze the thresholds, describe, write.

Where a clinical model comes along, it goes into the bundle too; where enough of the films held out
have its facts, the combined model is fitted on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.bundle.card import Calibration, Card, CardFigure, EarlierRun, Training
from models.bundle.combined import CombinedModel
from models.bundle.intended_use import IntendedUse
from models.bundle.operating_points import OperatingPoint, fit_operating_points
from models.bundle.score import Bundle, calibrated
from models.bundle.store import BundleError, write_bundle
from models.calibration.combined_fit import fit_combined
from models.calibration.platt import platt
from models.clinical.model import ClinicalModel
from models.images.radiograph import Radiograph
from models.nets.grid import GridNet
from models.training.checkpoint import TrainingProgress

Values = npt.NDArray[np.floating]

LEAST = 20
"""The fewest films of either class that a combined model is fitted on."""

_SOFTWARE = ("torch", "numpy", "scipy")


@dataclass(frozen=True)
class CardText:
    """What a card says of the films behind a bundle, in words.

    ``validation`` names the films that calibration and thresholds come from.
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
    """A clinical model for the bundle, and its logits of the films held out, (n,).

    NaN where a fact is missing.
    """

    model: ClinicalModel
    logits: Values


@dataclass(frozen=True)
class HeldOut:
    """Logits and labels of films that no weight was fitted to, (n,) each."""

    logits: Values
    labels: Values
    clinical: ClinicalInputs | None = None


@dataclass(frozen=True)
class CalibratedParts:
    """What a bundle takes from films held out, its weights aside."""

    calibration: Calibration
    operating_points: tuple[OperatingPoint, ...]
    combined: CombinedModel | None


def release(
    path: Path,
    net: GridNet,
    held_out: HeldOut,
    figures: tuple[CardFigure, ...],
    golden: Mapping[str, Radiograph],
    card: tuple[CardText, Training],
) -> Bundle:
    """Calibrate and freeze the thresholds on the held-out films, write to ``path``.

    So for the image's score, and for the combined one where the films allow it. Raises BundleError
    where no threshold parts the films.
    """
    origin, training = card
    frozen = freeze_on(held_out, origin.validation)
    written = Card(
        name=origin.name,
        version=origin.version,
        intended_use=origin.intended_use,
        summary=origin.summary,
        limits=origin.limits,
        inputs=(
            f"One frontal chest film, padded to a square of {net.config.size} px; "
            "the image's score takes nothing else."
        ),
        output=origin.output,
        net="grid",
        architecture=net.config,
        calibration=frozen.calibration,
        operating_points=frozen.operating_points,
        figures=figures,
        training=training,
        attribution=origin.attribution,
        combined=frozen.combined,
        golden=(),
    )
    clinical = held_out.clinical.model if held_out.clinical else None
    return write_bundle(path, written, net, golden, (clinical, None))


def freeze_on(held_out: HeldOut, source: str) -> CalibratedParts:
    """Calibration, operating points and combined model of films; ``source`` says which they are.

    Raises BundleError where no threshold parts the films.
    """
    calibration = platt(held_out.logits, held_out.labels)
    return CalibratedParts(
        calibration, _points(held_out, calibration, source), _combined(held_out, source)
    )


def training_record(
    origin: CardText, done: TrainingProgress, seed: int, start: Bundle | None = None
) -> Training:
    """The card's account of a run; ``start`` is the bundle that it took its weights from."""
    return Training(
        data=f"{done.films} films shown: {origin.data}",
        label=origin.label,
        films=done.films,
        steps=done.step,
        minutes=round(done.seconds / 60, 1),
        seed=seed,
        software={name: installed(name) for name in _SOFTWARE},
        before=None if start is None else _before(start.card),
    )


def _before(card: Card) -> tuple[EarlierRun, ...]:
    last = card.training
    named = f"{card.name} {card.version}, {card.digest}"
    run = EarlierRun(
        bundle=named,
        size=card.architecture.size,
        films=last.films,
        steps=last.steps,
        minutes=last.minutes,
    )
    return (*(last.before or ()), run)


def _points(held_out: HeldOut, by: Calibration, source: str) -> tuple[OperatingPoint, ...]:
    """The image's operating points."""
    scores = np.array([calibrated(float(logit), by) for logit in held_out.logits])
    try:
        return fit_operating_points(scores, held_out.labels, source)
    except ValueError as error:
        raise BundleError(f"no bundle was written, {error}; train longer") from error


def _combined(held_out: HeldOut, source: str) -> CombinedModel | None:
    """The combined model of the films that have both logits; None where these are too few."""
    if held_out.clinical is None:
        return None
    both = np.isfinite(held_out.clinical.logits)
    image, clinical, labels = (
        values[both] for values in (held_out.logits, held_out.clinical.logits, held_out.labels)
    )
    positives = int((labels > 0.5).sum())
    if min(positives, len(labels) - positives) < LEAST:
        return None
    source = f"{source}: the {len(labels)} with age, sex, weight and height in range"
    return fit_combined(image, clinical, labels, source)
