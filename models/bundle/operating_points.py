"""Operating points: named thresholds of a score, fitted on validation films.

Image score and combined score have separate operating points, because they are calibrated
separately. Model cards and evaluations use the same thresholds.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from models.io.yaml_text import StoredModel

Values = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]

YOUDEN: Final = "youden"
SENSITIVITY_90: Final = "sensitivity-90"
SPECIFICITY_90: Final = "specificity-90"

_RATE = 0.9
"""Rate that ``SENSITIVITY_90`` and ``SPECIFICITY_90`` must reach."""


class OperatingPoint(StoredModel):
    """A threshold on a probability, with its rates on the films that it was fitted on."""

    name: str
    threshold: float = Field(ge=0, le=1)
    sensitivity: float = Field(ge=0, le=1)
    specificity: float = Field(ge=0, le=1)
    films: int
    positives: int
    source: str


def find_thresholds(scores: Values, positive: Flags) -> Mapping[str, float]:
    """Return thresholds for Youden's index (Cancer 1950;3:32-35) and for rates of 90 %, by name.

    ``scores`` and ``positive`` are (n,), with both classes. A score equal to the threshold is
    positive. Each threshold is half-way between two scores, so rounding has no effect. If several
    thresholds reach 90 % sensitivity or specificity, the threshold with the higher other rate is
    used. If several thresholds have the highest Youden index, the most sensitive one is used. A
    rate that no threshold reaches is omitted. If all scores are equal, there are no thresholds.
    """
    levels = np.unique(scores)
    if len(levels) < 2:
        return {}
    cuts = (levels[1:] + levels[:-1]) / 2
    missed = np.searchsorted(np.sort(scores[positive]), cuts)
    sensitivity = 1 - missed / positive.sum()
    specificity = np.searchsorted(np.sort(scores[~positive]), cuts) / (~positive).sum()
    sensitive = np.flatnonzero(sensitivity >= _RATE)
    specific = np.flatnonzero(specificity >= _RATE)
    by_name = {YOUDEN: float(cuts[np.argmax(sensitivity + specificity)])}
    if len(sensitive):
        by_name[SENSITIVITY_90] = float(cuts[sensitive[-1]])
    if len(specific):
        by_name[SPECIFICITY_90] = float(cuts[specific[0]])
    return by_name


def fit_operating_points(
    probabilities: Values, labels: Values, source: str
) -> tuple[OperatingPoint, ...]:
    """Return the operating points of validation films, Youden first.

    Probabilities and labels (0 or 1) are (n,). ``source`` describes the films. Raises ValueError if
    all films have the same class or the same probability.
    """
    positive = np.asarray(labels > 0.5)
    if positive.all() or not positive.any():
        raise ValueError("operating points need films of both classes")
    cuts = find_thresholds(probabilities, positive)
    if not cuts:
        raise ValueError("all films have the same score: there is no threshold")
    return tuple(
        OperatingPoint(
            name=name,
            threshold=cut,
            sensitivity=float((probabilities[positive] >= cut).mean()),
            specificity=float((probabilities[~positive] < cut).mean()),
            films=len(labels),
            positives=int(positive.sum()),
            source=source,
        )
        for name, cut in cuts.items()
    )
