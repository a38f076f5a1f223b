"""Operating points: the named thresholds of a score, and how films set them.

Each score of a bundle has its own: image and combined score are calibrated apart, so that one
number would flag other films of one than of the other. What ``freeze`` writes into a card is what
``thresholds`` finds for an evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Values = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]

YOUDEN: Final = "youden"
SENSITIVITY_90: Final = "sensitivity-90"
SPECIFICITY_90: Final = "specificity-90"

_RATE = 0.9
"""What the points named after a rate reach on the films that set them."""


class OperatingPoint(BaseModel):
    """A threshold on a probability, with the figures of the films that set it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    threshold: float = Field(ge=0, le=1)
    sensitivity: float = Field(ge=0, le=1)
    specificity: float = Field(ge=0, le=1)
    films: int
    positives: int
    source: str


def thresholds(scores: Values, positive: Flags) -> Mapping[str, float]:
    """Thresholds by name: best sum of rates (W. J. Youden, Cancer 1950;3:32-35), and rates of 90 %.

    ``scores`` and ``positive`` are (n,), of both classes; a score at the threshold is positive.
    Each lies half-way between two films' scores, since a threshold on a film's own score would
    hang on rounding. Of cuts that do equally well by their name, the best by the other rate is
    taken, for Youden's, which comes first, the most sensitive. A rate that no cut reaches has no
    threshold, and scores that are all the same have none at all.
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
    found = {YOUDEN: float(cuts[np.argmax(sensitivity + specificity)])}
    if len(sensitive):
        found[SENSITIVITY_90] = float(cuts[sensitive[-1]])
    if len(specific):
        found[SPECIFICITY_90] = float(cuts[specific[0]])
    return found


def fit_operating_points(
    probabilities: Values, labels: Values, source: str
) -> tuple[OperatingPoint, ...]:
    """The operating points of films that no weight of the net was fitted to, Youden's first.

    Probabilities and labels, 0 or 1, are (n,); ``source`` says which films these are. Raises
    ValueError for films of one class, and for probabilities that no threshold parts.
    """
    positive = np.asarray(labels > 0.5)
    if positive.all() or not positive.any():
        raise ValueError("operating points need films of both classes")
    cuts = thresholds(probabilities, positive)
    if not cuts:
        raise ValueError("all films score the same: no threshold parts them")
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
