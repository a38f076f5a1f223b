"""The agreement of two bundles' scores and flags on the same films."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

_LN2 = math.log(2)
_WITHIN = 1.96  # standard deviations that contain 95 % of normally distributed differences


@dataclass(frozen=True, slots=True)
class ScoreAgreement:
    """The agreement of two scores of each film.

    `mean` and `sd` describe the differences, second score minus first. `spearman` is the rank
    correlation, `concordance` is Lin's coefficient (Biometrics 1989;45:255-268). A value is None
    if there are too few films or if the scores do not vary.
    """

    films: int
    mean: float | None = None
    sd: float | None = None
    spearman: float | None = None
    concordance: float | None = None

    @property
    def limits(self) -> tuple[float, float] | None:
        """The limits of agreement (Bland and Altman, Lancet 1986;i:307-310), or None."""
        if self.mean is None or self.sd is None:
            return None
        return self.mean - _WITHIN * self.sd, self.mean + _WITHIN * self.sd


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """Numbers of films with a positive answer from both bundles, from only one, or from neither."""

    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def films(self) -> int:
        """The number of all films."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa (Educ Psychol Meas 1960;20:37-46), None if all answers are the same."""
        n = self.films
        if not n:
            return None
        first, second = self.both + self.first_only, self.both + self.second_only
        by_chance = (first * second + (n - first) * (n - second)) / n**2
        if by_chance == 1:
            return None
        return ((self.both + self.neither) / n - by_chance) / (1 - by_chance)

    @property
    def p(self) -> float:
        """The two-sided p-value of McNemar's exact test on the films with different answers."""
        n = self.first_only + self.second_only
        fewer = min(self.first_only, self.second_only)
        if 2 * fewer == n:
            return 1.0
        # Logarithms are used, because 2**n of thousands of films is too large for a float.
        tail = (
            math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * _LN2)
            for k in range(fewer + 1)
        )
        return min(1.0, 2 * math.fsum(tail))


def count_pairs(answers: Sequence[tuple[bool, bool]]) -> PairedCounts:
    """Count the pairs of answers of both bundles, with one pair for each film."""
    return PairedCounts(
        both=answers.count((True, True)),
        first_only=answers.count((True, False)),
        second_only=answers.count((False, True)),
        neither=answers.count((False, False)),
    )


def compare_scores(first: Sequence[float], second: Sequence[float]) -> ScoreAgreement:
    """Compare two sequences of scores of the same films in the same order."""
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    films = len(x)
    if films < 2:
        return ScoreAgreement(films, mean=float(y[0] - x[0]) if films else None)
    differences = y - x
    return ScoreAgreement(
        films=films,
        mean=float(differences.mean()),
        sd=float(differences.std(ddof=1)),
        spearman=_correlation(_ranks(x), _ranks(y)),
        concordance=_concordance(x, y),
    )


def _ranks(values: Values) -> Values:
    """Return the ranks of values, from 1; equal values have the mean of their ranks."""
    _, positions, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[positions]


def _correlation(x: Values, y: Values) -> float | None:
    """Return Pearson's correlation, or None if the values of one variable are all equal."""
    a, b = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / scale if scale else None


def _concordance(x: Values, y: Values) -> float | None:
    """Return Lin's concordance coefficient, with moments that are divided by n, not n - 1."""
    a, b = x - x.mean(), y - y.mean()
    shift = float(x.mean() - y.mean()) ** 2
    scale = float(a @ a + b @ b) / len(x) + shift
    return 2 * float(a @ b) / len(x) / scale if scale else None
