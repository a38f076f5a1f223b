"""Do the probabilities mean what they say? Brier score, calibration, expected error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.evaluation.decisions import wilson
from models.evaluation.discrimination import Z95, Flags, Interval, Values

BINS, BIN_FILMS = 10, 15
"""At most so many bins, and so many films in each: fewer would show noise."""


@dataclass(frozen=True)
class Bin:
    """Films of neighbouring probabilities: their mean, and how many of them have the disease."""

    films: int
    predicted: float
    observed: Interval


@dataclass(frozen=True)
class Agreement:
    """Calibration of one model on one cohort.

    ``slope`` and ``intercept`` after Van Calster et al., BMC Med 2019;17:230: the slope of the
    outcome on the predicted log odds (1 is right, below 1 too extreme), and the intercept with
    that slope held at 1 (0 is right, below 0 too high). None where they cannot be estimated.
    ``ece`` is the expected calibration error over ``bins``, which hold equally many films.
    """

    brier: float
    slope: Interval | None
    intercept: Interval | None
    ece: float
    bins: tuple[Bin, ...]


def agreement(probabilities: Values, positive: Flags) -> Agreement:
    """Measure calibration; both arguments are (n,)."""
    clipped = np.clip(probabilities, 1e-9, 1 - 1e-9)
    log_odds = np.log(clipped / (1 - clipped))
    bins = _bins(probabilities, positive)
    error = sum(one.films * abs(one.observed.value - one.predicted) for one in bins)
    sloped = np.stack([np.ones_like(log_odds), log_odds], axis=1)
    return Agreement(
        brier=float(np.mean((probabilities - positive) ** 2)),
        slope=_logistic(sloped, np.zeros_like(log_odds), positive),
        intercept=_logistic(sloped[:, :1], log_odds, positive),
        ece=error / len(probabilities),
        bins=bins,
    )


def _bins(probabilities: Values, positive: Flags) -> tuple[Bin, ...]:
    order = np.argsort(probabilities, kind="stable")
    parts = np.array_split(order, max(1, min(BINS, len(order) // BIN_FILMS)))
    return tuple(
        Bin(
            len(part),
            float(probabilities[part].mean()),
            wilson(int(positive[part].sum()), len(part)),
        )
        for part in parts
    )


def _logistic(design: Values, offset: Values, positive: Flags) -> Interval | None:
    """Last coefficient of an unpenalised logistic regression, by Newton's method.

    ``design`` is (n, k), ``offset`` (n,) is added to the log odds as it is. None where the classes
    are parted, so that no finite coefficient is likeliest.
    """
    coefficients = np.zeros(design.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(offset + design @ coefficients, -40, 40)))
        weight = chance * (1 - chance)
        information = design.T @ (design * weight[:, None])
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, design.T @ (positive - chance))
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-9:
            half = Z95 * math.sqrt(float(np.linalg.inv(information)[-1, -1]))
            value = float(coefficients[-1])
            return Interval(value, value - half, value + half)
    return None
