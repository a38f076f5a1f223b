"""Do two judgements of the same films agree? Scores by differences and ranks, flags crossed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

_LN2 = math.log(2)
_WITHIN = 1.96  # standard deviations: the limits between which 95 % of normal differences lie


@dataclass(frozen=True, slots=True)
class ScoreAgreement:
    """How the second score of each film stands to the first.

    `mean` and `sd` are of the differences, second minus first. `spearman` is the correlation of
    the ranks, `concordance` Lin's (Biometrics 1989;45:255-268), which is 1 only where both scores
    are the same. None where so few films, or films so alike, tell nothing.
    """

    films: int
    mean: float | None = None
    sd: float | None = None
    spearman: float | None = None
    concordance: float | None = None

    @property
    def limits(self) -> tuple[float, float] | None:
        """The limits of agreement (Bland and Altman, Lancet 1986;i:307-310)."""
        if self.mean is None or self.sd is None:
            return None
        return self.mean - _WITHIN * self.sd, self.mean + _WITHIN * self.sd


@dataclass(frozen=True, slots=True)
class Crossed:
    """How many films both judgements say yes to, the first or the second alone, or neither."""

    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def films(self) -> int:
        """How many there are."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance (Cohen, Educ Psychol Meas 1960;20:37-46).

        None of no films, and where both always say the same one thing: nothing else can be then.
        """
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
        """The exact two-sided p of McNemar's test: do both say yes equally often?

        Of films on which they differ, each then has the "yes" with a chance of one half.
        """
        n = self.first_only + self.second_only
        fewer = min(self.first_only, self.second_only)
        if 2 * fewer == n:
            return 1.0
        # By logarithms: 2 to the power of some thousands is no float.
        tail = (
            math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * _LN2)
            for k in range(fewer + 1)
        )
        return min(1.0, 2 * math.fsum(tail))


def cross(judged: Sequence[tuple[bool, bool]]) -> Crossed:
    """Count two judgements of each film."""
    return Crossed(
        both=judged.count((True, True)),
        first_only=judged.count((True, False)),
        second_only=judged.count((False, True)),
        neither=judged.count((False, False)),
    )


def compare_scores(first: Sequence[float], second: Sequence[float]) -> ScoreAgreement:
    """Compare two scores of each film, in the same order."""
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    films = len(one)
    if films < 2:
        return ScoreAgreement(films, mean=float(other[0] - one[0]) if films else None)
    apart = other - one
    return ScoreAgreement(
        films=films,
        mean=float(apart.mean()),
        sd=float(apart.std(ddof=1)),
        spearman=_correlation(_ranks(one), _ranks(other)),
        concordance=_concordance(one, other),
    )


def _ranks(values: Values) -> Values:
    """Return ranks from 1; values that are alike share the mean of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[which]


def _correlation(one: Values, other: Values) -> float | None:
    """Return Pearson's correlation; None where one does not vary."""
    a, b = one - one.mean(), other - other.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / scale if scale else None


def _concordance(one: Values, other: Values) -> float | None:
    """Return Lin's coefficient, with moments divided by n, as he has them."""
    a, b = one - one.mean(), other - other.mean()
    apart = float(one.mean() - other.mean()) ** 2
    scale = float(a @ a + b @ b) / len(one) + apart
    return 2 * float(a @ b) / len(one) / scale if scale else None
