"""What a threshold does: counts, rates, predictive values, net benefit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.evaluation.discrimination import Z95, Flags, Interval, Values

PREVALENCES = (0.05, 0.10, 0.20, 0.37)
"""Screening of many, of few, of those at risk, and the share of the published cohort."""

THRESHOLDS = np.round(np.arange(0.01, 0.61, 0.01), 2)
"""Threshold probabilities of the decision curve."""


@dataclass(frozen=True)
class Predictive:
    """Predictive values at a prevalence, by Bayes' rule; None where nobody is called so."""

    prevalence: float
    ppv: float | None
    npv: float | None


@dataclass(frozen=True)
class Performance:
    """What a frozen threshold does to films it was not chosen on; score >= threshold is positive.

    Intervals are Wilson's. ``f1`` is None where neither label nor verdict is ever positive.
    """

    name: str
    threshold: float
    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int
    sensitivity: Interval
    specificity: Interval
    accuracy: Interval
    f1: float | None
    predictive: tuple[Predictive, ...]


@dataclass(frozen=True)
class Benefit:
    """Net benefit per film at each of ``thresholds``: of the model, and of treating all.

    A. J. Vickers and E. B. Elkin, Med Decis Making 2006;26:565-574. Treating nobody has none.
    """

    thresholds: Values
    model: Values
    treat_all: Values


def wilson(hits: int, trials: int) -> Interval:
    """A share with Wilson's score interval (JASA 1927;22:209-212); of nothing, 0 to 1."""
    if not trials:
        return Interval(math.nan, 0.0, 1.0)
    share, weight = hits / trials, Z95**2 / trials
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    # Rounding must not put the share a hair outside its own interval.
    return Interval(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def perform(name: str, threshold: float, scores: Values, positive: Flags) -> Performance:
    """Count and rate the verdicts of ``threshold``."""
    called = scores >= threshold
    hits, false = int((called & positive).sum()), int((called & ~positive).sum())
    missed, spared = int((~called & positive).sum()), int((~called & ~positive).sum())
    sensitivity, specificity = wilson(hits, hits + missed), wilson(spared, spared + false)
    involved = 2 * hits + false + missed
    return Performance(
        name=name,
        threshold=threshold,
        true_positive=hits,
        false_positive=false,
        true_negative=spared,
        false_negative=missed,
        sensitivity=sensitivity,
        specificity=specificity,
        accuracy=wilson(hits + spared, len(scores)),
        f1=2 * hits / involved if involved else None,
        predictive=tuple(
            predictive(sensitivity.value, specificity.value, share) for share in PREVALENCES
        ),
    )


def predictive(sensitivity: float, specificity: float, prevalence: float) -> Predictive:
    """Predictive values that these rates have where ``prevalence`` of people have the disease."""
    hits, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    missed, spared = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    return Predictive(
        prevalence,
        hits / (hits + false) if hits + false else None,
        spared / (spared + missed) if spared + missed else None,
    )


def net_benefit(probabilities: Values, positive: Flags) -> Benefit:
    """Decision curve over ``THRESHOLDS``."""
    called = probabilities[None] >= THRESHOLDS[:, None]
    hits = (called & positive).mean(axis=1)
    false = (called & ~positive).mean(axis=1)
    odds = THRESHOLDS / (1 - THRESHOLDS)
    share = positive.mean()
    return Benefit(THRESHOLDS, hits - false * odds, share - (1 - share) * odds)
