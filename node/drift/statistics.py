"""How far apart two distributions of scores are: population stability index, Kolmogorov-Smirnov."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SLIGHT, LARGE = 0.1, 0.25
"""The usual reading of a PSI: below the first stable, from the second on another population."""

_TENTHS = np.arange(1, 10) / 10
_SMOOTHING = 0.5  # films that each bin has beforehand: an empty one is rare, not impossible
_SMALL = 1.18  # below it one series of Kolmogorov's distribution converges fast, above the other
_TERMS = np.arange(1, 21)

Scores = Sequence[float] | npt.NDArray[np.float64]


def psi(reference: Scores, now: Scores) -> float:
    """Return the population stability index of `now`, on the deciles of the reference.

    The sum over the bins of (q - p) ln(q / p), p and q being a bin's share of the reference and of
    `now`, each smoothed: (n + 0.5) / (N + 0.5 k) with n of N films in one of k bins. Deciles that
    coincide, as of scores that are all alike, make one bin. Zero for the same shares, and never
    negative; by chance alone it comes to about (k - 1) (1 / N + 1 / M).
    """
    edges = np.unique(np.quantile(np.asarray(reference, np.float64), _TENTHS))
    p, q = (_shares(np.asarray(one, float), edges) for one in (reference, now))
    return float(np.sum((q - p) * np.log(q / p)))


def _shares(
    scores: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    bins = np.searchsorted(edges, scores, side="right")
    smoothed = np.bincount(bins, minlength=len(edges) + 1).astype(np.float64) + _SMOOTHING
    shares: npt.NDArray[np.float64] = smoothed / smoothed.sum()
    return shares


def ks(reference: Scores, now: Scores) -> tuple[float, float]:
    """Return the two-sample Kolmogorov-Smirnov distance, 0 to 1, and its p-value.

    The p-value is the asymptotic one, two-sided, with Stephens' correction for finite samples
    (J R Stat Soc B 1970;32:115-122): right to a fifth from 50 scores on.
    """
    one, other = (np.sort(np.asarray(scores, float)) for scores in (reference, now))
    every = np.concatenate([one, other])
    below = (np.searchsorted(sample, every, side="right") / len(sample) for sample in (one, other))
    distance = float(np.max(np.abs(next(below) - next(below))))
    root = math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    return distance, kolmogorov(distance * (root + 0.12 + 0.11 / root))


def kolmogorov(x: float) -> float:
    """Return the probability that Kolmogorov's statistic is above x.

    By either of the two series of its distribution (Feller, Ann Math Stat 1948;19:177-189).
    """
    if x <= 0:
        return 1.0
    if x < _SMALL:
        odd = (2 * _TERMS - 1) ** 2
        below = math.sqrt(2 * math.pi) / x * np.sum(np.exp(-odd * math.pi**2 / (8 * x * x)))
        return float(1 - below)
    signs = np.where(_TERMS % 2, 1.0, -1.0)
    return float(2 * np.sum(signs * np.exp(-2.0 * _TERMS**2 * x * x)))
