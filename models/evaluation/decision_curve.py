"""Decision curve analysis: net benefit of a model over a range of threshold probabilities.

The method is from Vickers and Elkin, Med Decis Making 2006;26:565-574.
"""

from dataclasses import dataclass

import numpy as np

from models.calibration.auc import Flags, Values

THRESHOLDS = np.round(np.arange(0.01, 0.61, 0.01), 2)
"""Threshold probabilities of the decision curve."""


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit per film of the model, and of treating all patients, at each of ``thresholds``.

    Treating no patient has a net benefit of 0.
    """

    thresholds: Values
    model: Values
    treat_all: Values


def decision_curve(probabilities: Values, positive: Flags) -> DecisionCurve:
    """Return the decision curve of ``probabilities`` (n,) over ``THRESHOLDS``."""
    predicted = probabilities[None] >= THRESHOLDS[:, None]
    true_positives = (predicted & positive).mean(axis=1)
    false_positives = (predicted & ~positive).mean(axis=1)
    odds = THRESHOLDS / (1 - THRESHOLDS)
    prevalence = positive.mean()
    return DecisionCurve(
        THRESHOLDS, true_positives - false_positives * odds, prevalence - (1 - prevalence) * odds
    )


def smallest_difference(first: Values, second: Values, positive: Flags) -> float:
    """Return the smallest net benefit of ``first`` minus ``second`` at thresholds of 10 to 40 %.

    Films that lack a score are ignored; ``first`` and ``second`` are probabilities (n,).
    """
    usable = np.isfinite(first) & np.isfinite(second)
    first_curve, second_curve = (
        decision_curve(values[usable], positive[usable]).model for values in (first, second)
    )
    in_range = (THRESHOLDS >= 0.10) & (THRESHOLDS <= 0.40)
    return float((first_curve - second_curve)[in_range].min())
