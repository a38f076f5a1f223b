"""Agreement of two judgements, against other people's arithmetic and tables worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, spearmanr
from sklearn.metrics import cohen_kappa_score

from node.challenger.agreement import Crossed, ScoreAgreement, compare_scores, cross


def two_scores(films: int, *, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(films)
    first = rng.random(films)
    second = np.clip(first + rng.normal(0.03, 0.1, films), 0, 1)
    return (np.round(first, 1), np.round(second, 1)) if ties else (first, second)


class TestScores:
    @pytest.mark.parametrize("ties", [False, True])
    @pytest.mark.parametrize("films", [5, 60, 500])
    def test_differences_and_ranks_are_those_of_others(self, films: int, ties: bool) -> None:
        first, second = two_scores(films, ties=ties)
        found = compare_scores(first.tolist(), second.tolist())
        assert found.films == films
        assert found.mean == pytest.approx(np.mean(second - first))
        assert found.sd == pytest.approx(np.std(second - first, ddof=1))
        assert found.spearman == pytest.approx(spearmanr(first, second).statistic)

    def test_limits_hold_95_per_cent_of_normal_differences(self) -> None:
        found = ScoreAgreement(films=10, mean=0.1, sd=0.05)
        assert found.limits == pytest.approx((0.002, 0.198))

    @pytest.mark.parametrize("films", [5, 300])
    def test_concordance_is_lins(self, films: int) -> None:
        """By its definition: twice the covariance, over both variances and the shift squared."""
        first, second = two_scores(films, ties=False)
        covariance = np.cov(first, second, bias=True)
        below = covariance[0, 0] + covariance[1, 1] + (first.mean() - second.mean()) ** 2
        found = compare_scores(first.tolist(), second.tolist())
        assert found.concordance == pytest.approx(2 * covariance[0, 1] / below)

    def test_a_shift_keeps_the_ranks_and_costs_concordance(self) -> None:
        found = compare_scores([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
        assert found.spearman == pytest.approx(1.0)
        assert (found.mean, found.sd) == pytest.approx((0.3, 0.0))
        assert found.concordance == pytest.approx(0.04 / 3 / (0.04 / 3 + 0.09))

    def test_the_same_scores_agree_in_all(self) -> None:
        found = compare_scores([0.1, 0.9], [0.1, 0.9])
        assert (found.mean, found.spearman, found.concordance) == pytest.approx((0.0, 1.0, 1.0))

    def test_films_that_tell_nothing_are_told_as_such(self) -> None:
        """Too few, or all alike: no number, rather than one that means nothing."""
        assert compare_scores([], []) == ScoreAgreement(0)
        assert compare_scores([0.25], [0.5]) == ScoreAgreement(1, mean=0.25)
        assert compare_scores([0.25], [0.5]).limits is None
        alike = compare_scores([0.5, 0.5], [0.5, 0.5])
        assert (alike.mean, alike.spearman, alike.concordance) == (0.0, None, None)
        assert compare_scores([0.5, 0.5], [0.1, 0.9]).spearman is None


class TestCrossed:
    def test_a_table_is_counted(self) -> None:
        yes_no = [(True, True)] * 4 + [(True, False)] * 3 + [(False, True)] * 2 + [(False, False)]
        assert cross(yes_no) == Crossed(both=4, first_only=3, second_only=2, neither=1)
        assert cross(yes_no).films == 10

    @pytest.mark.parametrize("table", [(20, 5, 10, 15), (0, 3, 4, 93), (1, 40, 40, 1)])
    def test_kappa_is_cohens(self, table: tuple[int, int, int, int]) -> None:
        first = np.repeat([1, 1, 0, 0], table)
        second = np.repeat([1, 0, 1, 0], table)
        assert Crossed(*table).kappa == pytest.approx(cohen_kappa_score(first, second))

    @pytest.mark.parametrize("table", [(0, 0, 0, 0), (9, 0, 0, 0), (0, 0, 0, 9)])
    def test_kappa_of_one_answer_alone_is_undefined(self, table: tuple[int, int, int, int]) -> None:
        assert Crossed(*table).kappa is None

    @pytest.mark.parametrize(
        ("first", "second"),
        [(0, 0), (1, 0), (0, 5), (5, 5), (6, 5), (2, 11), (40, 80), (500, 431), (20_000, 20_500)],
    )
    def test_p_is_that_of_the_exact_test(self, first: int, second: int) -> None:
        """Of McNemar, which is a binomial one; also where 2 ** n is no float."""
        wanted = binomtest(first, first + second).pvalue if first + second else 1.0
        assert Crossed(7, first, second, 9).p == pytest.approx(wanted, rel=1e-8)

    @given(*[st.integers(0, 300)] * 4)
    def test_who_is_first_does_not_matter(self, both: int, one: int, other: int, no: int) -> None:
        here, there = Crossed(both, one, other, no), Crossed(both, other, one, no)
        assert 0.0 <= here.p <= 1.0
        assert (here.kappa, here.p) == (there.kappa, there.p)
