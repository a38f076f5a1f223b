"""Does the score rank those with the disease above those without? Areas under the ROC curve.

Variances after E. R. DeLong et al., Biometrics 1988;44:837-845, by the fast algorithm of X. Sun and
W. Xu, IEEE Signal Processing Letters 2014;21:1389-1393: mid-ranks instead of all pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

Z95 = float(norm.ppf(0.975))


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Two models on the same films: first minus second, and the two-sided p of no difference."""

    first: str
    second: str
    difference: Interval
    z: float
    p: float


@dataclass(frozen=True)
class Curve:
    """ROC curve: sensitivity against 1 - specificity, from (0, 0) to (1, 1)."""

    false_positive_rate: Values
    sensitivity: Values


def delong(scores: Values, positive: Flags) -> tuple[Values, Values]:
    """Areas (m,) and their covariance (m, m) of m models' scores (m, n) on the same n films.

    Raises ValueError unless each class has at least two films.
    """
    cases, controls = scores[:, positive], scores[:, ~positive]
    n_cases, n_controls = cases.shape[1], controls.shape[1]
    if min(n_cases, n_controls) < 2:
        raise ValueError("an area's variance needs at least two films of each class")
    together = rankdata(np.concatenate([cases, controls], axis=1), axis=1)  # (m, n)
    # How often a case outranks the controls, and a control is outranked by the cases.
    above = (together[:, :n_cases] - rankdata(cases, axis=1)) / n_controls  # (m, cases)
    below = 1.0 - (together[:, n_cases:] - rankdata(controls, axis=1)) / n_cases  # (m, controls)
    covariance = np.atleast_2d(np.cov(above)) / n_cases + np.atleast_2d(np.cov(below)) / n_controls
    return above.mean(axis=1), covariance


def auc(scores: Values, positive: Flags) -> Interval:
    """Area under the ROC curve with DeLong's interval, kept within 0..1."""
    areas, covariance = delong(scores[None], positive)
    return _interval(float(areas[0]), float(covariance[0, 0]), 0.0, 1.0)


def compare(first: str, second: str, scores: Values, positive: Flags) -> Comparison:
    """DeLong's paired test; ``scores`` is (2, n), the first model's and the second's."""
    areas, covariance = delong(scores, positive)
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    # Models that rank alike differ by nothing, with no variance: z is then 0, not 0 / 0.
    z = difference / math.sqrt(variance) if variance > 1e-16 else 0.0
    p = float(2 * norm.sf(abs(z)))
    return Comparison(first, second, _interval(difference, variance, -1.0, 1.0), z, p)


def roc(scores: Values, positive: Flags) -> Curve:
    """Every step of the curve, films of one score taken together."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    false = np.arange(1, len(order) + 1) - hits
    last = np.append(np.diff(scores[order]) != 0, True)
    return Curve(
        np.concatenate([[0.0], false[last] / false[-1]]),
        np.concatenate([[0.0], hits[last] / hits[-1]]),
    )


def _interval(value: float, variance: float, least: float, most: float) -> Interval:
    half = Z95 * math.sqrt(max(variance, 0.0))
    return Interval(value, max(least, value - half), min(most, value + half))
