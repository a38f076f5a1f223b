"""Area under the ROC curve (AUC), its intervals, and the comparison of two AUCs.

Variances follow DeLong et al., Biometrics 1988;44:837-845. The variances are computed with the fast
algorithm of Sun and Xu, IEEE Signal Processing Letters 2014;21:1389-1393.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import mannwhitneyu, norm, rankdata

Numbers = npt.NDArray[np.floating]
Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

DRAWS = 1000
Z95 = float(norm.ppf(0.975))


@dataclass(frozen=True)
class IntervalEstimate:
    """An estimate with its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def text(self, digits: int = 3, sign: str = "") -> str:
        """Return "0.812 (0.790 to 0.834)", for example; ``sign`` "+" marks positive numbers."""
        value, low, high = (
            f"{number:{sign}.{digits}f}" for number in (self.value, self.low, self.high)
        )
        return f"{value} ({low} to {high})"


@dataclass(frozen=True)
class AucComparison:
    """DeLong's paired test of two models on the same films.

    ``difference`` is the AUC of ``first`` minus the AUC of ``second``; ``p`` is two-sided.
    """

    first: str
    second: str
    difference: IntervalEstimate
    z: float
    p: float


def p_value_text(p: float) -> str:
    """Return a p value as text for a table."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def auc(scores: Numbers, positive: Flags) -> float:
    """Return the AUC: the share of case-control pairs in the correct order; ties count half.

    Raises ValueError if a class has no film.
    """
    cases, controls = scores[positive], scores[~positive]
    if not len(cases) or not len(controls):
        raise ValueError("an AUC needs films of both classes")
    # The statistic does not depend on the method; the asymptotic method is fast.
    ordered_pairs = mannwhitneyu(cases, controls, method="asymptotic").statistic
    return float(ordered_pairs) / (len(cases) * len(controls))


def auc_with_interval(scores: Values, positive: Flags) -> IntervalEstimate:
    """Return the AUC with DeLong's interval, clipped to 0..1. Raises ValueError like ``delong``."""
    areas, covariance = delong(scores[None], positive)
    return _interval(float(areas[0]), float(covariance[0, 0]), 0.0, 1.0)


def compare_aucs(first: str, second: str, scores: Values, positive: Flags) -> AucComparison:
    """Run DeLong's paired test; ``scores`` (2, n) are the scores of the first and second model."""
    areas, covariance = delong(scores, positive)
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    # Models with identical ranks have difference 0 and variance 0; z is then 0, not 0 / 0.
    z = difference / math.sqrt(variance) if variance > 1e-16 else 0.0
    p = float(2 * norm.sf(abs(z)))
    return AucComparison(first, second, _interval(difference, variance, -1.0, 1.0), z, p)


def delong(scores: Values, positive: Flags) -> tuple[Values, Values]:
    """Return the AUCs (m,) of m models and their covariance (m, m), from scores (m, n) of n films.

    Raises ValueError if a class has fewer than two films.
    """
    cases, controls = scores[:, positive], scores[:, ~positive]
    n_cases, n_controls = cases.shape[1], controls.shape[1]
    if min(n_cases, n_controls) < 2:
        raise ValueError("the variance of an AUC needs at least two films of each class")
    combined_ranks = rankdata(np.concatenate([cases, controls], axis=1), axis=1)  # (m, n)
    # Share of controls that each case outranks, and share of cases that outrank each control.
    above = (combined_ranks[:, :n_cases] - rankdata(cases, axis=1)) / n_controls  # (m, cases)
    below = 1.0 - (combined_ranks[:, n_cases:] - rankdata(controls, axis=1)) / n_cases
    covariance = np.atleast_2d(np.cov(above)) / n_cases + np.atleast_2d(np.cov(below)) / n_controls
    return above.mean(axis=1), covariance


def bootstrap_auc_by_patient(
    scores: Values, positive: Flags, patients: Sequence[str], seed: int
) -> IntervalEstimate:
    """Return the AUC with its percentile interval over ``DRAWS`` bootstrap resamples of patients.

    The same seed gives the same resamples for every model. Resamples that lack a class are
    ignored.
    """
    observed = weighted_auc(scores, positive, np.ones((1, len(scores))))
    resampled = weighted_auc(scores, positive, _draw(patients, seed))
    low, high = np.nanpercentile(resampled, [2.5, 97.5]).tolist()
    return IntervalEstimate(float(observed[0]), low, high)


def weighted_auc(scores: Values, positive: Flags, weights: Values) -> Values:
    """Return AUCs (d,) in which film i counts ``weights[:, i]`` times; weights are (d, n).

    An AUC is NaN if a class has no weight.
    """
    order = np.argsort(scores, kind="stable")
    cases, controls = weights[:, order] * positive[order], weights[:, order] * ~positive[order]
    ordered = scores[order]
    first = np.searchsorted(ordered, ordered, side="left")
    last = np.searchsorted(ordered, ordered, side="right")
    below = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(controls, axis=1)], axis=1)
    # A control with the same score as a case counts half.
    outranked = (below[:, first] + below[:, last]) / 2
    with np.errstate(invalid="ignore"):
        areas: Values = (cases * outranked).sum(axis=1) / (cases.sum(axis=1) * controls.sum(axis=1))
    return areas


def _draw(patients: Sequence[str], seed: int) -> Values:
    """Return how often each film occurs in each resample, (DRAWS, n)."""
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    rng = np.random.default_rng(seed)
    counts: npt.NDArray[np.int64] = rng.multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=DRAWS
    )
    return counts[:, owner].astype(np.float64)


def _interval(value: float, variance: float, lowest: float, highest: float) -> IntervalEstimate:
    half_width = Z95 * math.sqrt(max(variance, 0.0))
    return IntervalEstimate(
        value, max(lowest, value - half_width), min(highest, value + half_width)
    )
