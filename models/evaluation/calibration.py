"""Calibration: Brier score, calibration slope and intercept, expected calibration error (ECE)."""

import math
from dataclasses import dataclass

import numpy as np

from models.calibration.auc import Z95, Flags, IntervalEstimate, Values
from models.evaluation.threshold_metrics import wilson

BINS, MINIMUM_PER_BIN = 10, 15
"""Maximum number of bins, and minimum number of films in each bin."""


@dataclass(frozen=True)
class CalibrationBin:
    """Mean prediction and observed share of positives for films with similar predictions."""

    films: int
    predicted: float
    observed: IntervalEstimate


@dataclass(frozen=True)
class CalibrationMetrics:
    """Calibration of one model on one cohort.

    ``slope`` and ``intercept`` follow Van Calster et al., BMC Med 2019;17:230. The ideal slope is
    1; a slope below 1 means that the predictions are too extreme. The intercept is fitted with the
    slope fixed at 1. The ideal intercept is 0; below 0, the predictions are too high. Slope and
    intercept may be None (not estimable). ``ece`` is computed over ``bins`` of equal size.
    """

    brier: float
    slope: IntervalEstimate | None
    intercept: IntervalEstimate | None
    ece: float
    bins: tuple[CalibrationBin, ...]


def measure_calibration(probabilities: Values, positive: Flags) -> CalibrationMetrics:
    """Return the calibration of ``probabilities`` (n,) against the labels ``positive`` (n,)."""
    clipped = np.clip(probabilities, 1e-9, 1 - 1e-9)
    log_odds = np.log(clipped / (1 - clipped))
    bins = _bins(probabilities, positive)
    error = sum(part.films * abs(part.observed.value - part.predicted) for part in bins)
    design = np.stack([np.ones_like(log_odds), log_odds], axis=1)
    return CalibrationMetrics(
        brier=float(np.mean((probabilities - positive) ** 2)),
        slope=_logistic(design, np.zeros_like(log_odds), positive),
        intercept=_logistic(design[:, :1], log_odds, positive),
        ece=error / len(probabilities),
        bins=bins,
    )


def _bins(probabilities: Values, positive: Flags) -> tuple[CalibrationBin, ...]:
    order = np.argsort(probabilities, kind="stable")
    parts = np.array_split(order, max(1, min(BINS, len(order) // MINIMUM_PER_BIN)))
    return tuple(
        CalibrationBin(
            len(part),
            float(probabilities[part].mean()),
            wilson(int(positive[part].sum()), len(part)),
        )
        for part in parts
    )


def _logistic(design: Values, offset: Values, positive: Flags) -> IntervalEstimate | None:
    """Return the last coefficient of an unpenalised logistic regression, by Newton's method.

    ``design`` is (n, k); ``offset`` (n,) is added to the log odds with coefficient 1. Returns None
    if the classes are separable, because then no finite maximum-likelihood estimate exists.
    """
    coefficients = np.zeros(design.shape[1])
    for _ in range(50):
        predicted = 1 / (1 + np.exp(-np.clip(offset + design @ coefficients, -40, 40)))
        weight = predicted * (1 - predicted)
        information = design.T @ (design * weight[:, None])
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, design.T @ (positive - predicted))
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-9:
            half_width = Z95 * math.sqrt(float(np.linalg.inv(information)[-1, -1]))
            value = float(coefficients[-1])
            return IntervalEstimate(value, value - half_width, value + half_width)
    return None
