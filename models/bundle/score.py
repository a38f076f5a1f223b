"""Score films with a bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from models.bundle.card import Calibration, Card
from models.clinical.model import ClinicalModel, sigmoid
from models.gate.bundle_part import Gate
from models.images.preprocess import prepare
from models.images.radiograph import Heat, Radiograph
from models.io.errors import ProcessingError
from models.nets.gradcam import explain
from models.nets.grid import GridNet

Float = npt.NDArray[np.float32]

CHUNK = 16
"""Films per batch. Larger batches are not faster and need more memory."""


class BundleError(ProcessingError):
    """The bundle must not be used. The message states cause and remedy in one line."""


@dataclass(frozen=True)
class Bundle:
    """A verified net with its card on ``device``; see ``store.load_bundle``.

    ``clinical`` and ``gate`` are None if the bundle lacks them.
    """

    card: Card
    net: GridNet
    device: str
    path: Path
    clinical: ClinicalModel | None = None
    gate: Gate | None = None


@dataclass(frozen=True)
class Score:
    """The model's output for one film.

    ``probability`` (0..1) is calibrated; ``logit`` is not calibrated. ``heat`` is the positive
    part of Grad-CAM, float32 (6 h, 6 w), over the square that the net analyses.
    """

    probability: float
    logit: float
    heat: Heat


def score(bundle: Bundle, films: Sequence[Radiograph]) -> list[Score]:
    """Return one score for each film, in order. A score does not depend on the other films."""
    scores: list[Score] = []
    for first in range(0, len(films), CHUNK):
        scores += _score_chunk(bundle, films[first : first + CHUNK])
    return scores


def calibrated(logit: float, calibration: Calibration) -> float:
    """Return the probability of a logit by Platt scaling, without overflow."""
    return sigmoid(calibration.slope * logit + calibration.intercept)


def _score_chunk(bundle: Bundle, films: Sequence[Radiograph]) -> list[Score]:
    prepared = [prepare(film, bundle.net.config.size) for film in films]
    batch = torch.from_numpy(np.stack([film.array for film in prepared])).to(bundle.device)
    output, heat = explain(bundle.net, batch)
    logits = output.logit.double().cpu().tolist()
    maps = heat.float().cpu().numpy()
    return [
        Score(calibrated(logit, bundle.card.calibration), logit, Heat(values, film.field_of_view))
        for logit, values, film in zip(logits, maps, prepared, strict=True)
    ]
