"""Metrics of a threshold: sensitivity, specificity, accuracy, F1 and predictive values."""

import math
from dataclasses import dataclass

from scipy.stats import binomtest

from models.calibration.auc import Flags, IntervalEstimate, Values

PREVALENCES = (0.05, 0.10, 0.20, 0.37)
"""Prevalences for predictive values; 37 % is the prevalence in the published study."""


@dataclass(frozen=True)
class PredictiveValues:
    """Predictive values at a prevalence, by Bayes' rule; None if no film gets this prediction."""

    prevalence: float
    ppv: float | None
    npv: float | None


@dataclass(frozen=True)
class ThresholdMetrics:
    """Metrics of one fixed threshold; a film is predicted positive if score >= threshold.

    The intervals are Wilson score intervals. ``f1`` is None if there are no positive labels and no
    positive predictions.
    """

    name: str
    threshold: float
    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int
    sensitivity: IntervalEstimate
    specificity: IntervalEstimate
    accuracy: IntervalEstimate
    f1: float | None
    predictive_values: tuple[PredictiveValues, ...]


def wilson(successes: int, trials: int) -> IntervalEstimate:
    """Return a proportion with Wilson's score interval (JASA 1927;22:209-212).

    If ``trials`` is 0, the proportion is NaN and the interval is 0 to 1.
    """
    if not trials:
        return IntervalEstimate(math.nan, 0.0, 1.0)
    interval = binomtest(successes, trials).proportion_ci(method="wilson")
    return IntervalEstimate(successes / trials, float(interval.low), float(interval.high))


def measure_threshold(
    name: str, threshold: float, scores: Values, positive: Flags
) -> ThresholdMetrics:
    """Return the metrics of ``threshold`` on films with ``scores`` (n,) and labels (n,)."""
    predicted = scores >= threshold
    true_pos, false_pos = int((predicted & positive).sum()), int((predicted & ~positive).sum())
    false_neg, true_neg = int((~predicted & positive).sum()), int((~predicted & ~positive).sum())
    sensitivity = wilson(true_pos, true_pos + false_neg)
    specificity = wilson(true_neg, true_neg + false_pos)
    f1_denominator = 2 * true_pos + false_pos + false_neg
    return ThresholdMetrics(
        name=name,
        threshold=threshold,
        true_positive=true_pos,
        false_positive=false_pos,
        true_negative=true_neg,
        false_negative=false_neg,
        sensitivity=sensitivity,
        specificity=specificity,
        accuracy=wilson(true_pos + true_neg, len(scores)),
        f1=2 * true_pos / f1_denominator if f1_denominator else None,
        predictive_values=tuple(
            predictive_values(sensitivity.value, specificity.value, share) for share in PREVALENCES
        ),
    )


def predictive_values(
    sensitivity: float, specificity: float, prevalence: float
) -> PredictiveValues:
    """Return the predictive values for these rates in a population with this prevalence."""
    true_pos, false_pos = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    false_neg, true_neg = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    return PredictiveValues(
        prevalence,
        true_pos / (true_pos + false_pos) if true_pos + false_pos else None,
        true_neg / (true_neg + false_neg) if true_neg + false_neg else None,
    )
