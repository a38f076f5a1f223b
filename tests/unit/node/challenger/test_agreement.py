"""Measures of agreement equal those of scipy, of scikit-learn, and of tables worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, spearmanr
from sklearn.metrics import cohen_kappa_score

from node.challenger.agreement import PairedCounts, ScoreAgreement, compare_scores, count_pairs


def two_scores(films: int, *, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(films)
    first = rng.random(films)
    second = np.clip(first + rng.normal(0.03, 0.1, films), 0, 1)
    return (np.round(first, 1), np.round(second, 1)) if ties else (first, second)


class TestScores:
    @pytest.mark.parametrize("ties", [False, True])
    @pytest.mark.parametrize("films", [5, 60, 500])
    def test_differences_and_ranks_equal_those_of_numpy_and_scipy(
        self, films: int, ties: bool
    ) -> None:
        first, second = two_scores(films, ties=ties)
        agreement = compare_scores(first.tolist(), second.tolist())
        assert agreement.films == films
        assert agreement.mean == pytest.approx(np.mean(second - first))
        assert agreement.sd == pytest.approx(np.std(second - first, ddof=1))
        assert agreement.spearman == pytest.approx(spearmanr(first, second).statistic)

    def test_limits_hold_95_per_cent_of_normal_differences(self) -> None:
        agreement = ScoreAgreement(films=10, mean=0.1, sd=0.05)
        assert agreement.limits == pytest.approx((0.002, 0.198))

    @pytest.mark.parametrize("films", [5, 300])
    def test_concordance_equals_lins_definition(self, films: int) -> None:
        """Lin's concordance is 2 * covariance / (sum of the variances + squared shift)."""
        first, second = two_scores(films, ties=False)
        covariance = np.cov(first, second, bias=True)
        denominator = covariance[0, 0] + covariance[1, 1] + (first.mean() - second.mean()) ** 2
        agreement = compare_scores(first.tolist(), second.tolist())
        assert agreement.concordance == pytest.approx(2 * covariance[0, 1] / denominator)

    def test_a_shift_keeps_the_ranks_and_lowers_concordance(self) -> None:
        agreement = compare_scores([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
        assert agreement.spearman == pytest.approx(1.0)
        assert (agreement.mean, agreement.sd) == pytest.approx((0.3, 0.0))
        assert agreement.concordance == pytest.approx(0.04 / 3 / (0.04 / 3 + 0.09))

    def test_equal_scores_agree_fully(self) -> None:
        agreement = compare_scores([0.1, 0.9], [0.1, 0.9])
        assert (agreement.mean, agreement.spearman, agreement.concordance) == pytest.approx(
            (0.0, 1.0, 1.0)
        )

    def test_too_few_or_equal_films_have_no_value(self) -> None:
        assert compare_scores([], []) == ScoreAgreement(0)
        assert compare_scores([0.25], [0.5]) == ScoreAgreement(1, mean=0.25)
        assert compare_scores([0.25], [0.5]).limits is None
        equal = compare_scores([0.5, 0.5], [0.5, 0.5])
        assert (equal.mean, equal.spearman, equal.concordance) == (0.0, None, None)
        assert compare_scores([0.5, 0.5], [0.1, 0.9]).spearman is None


class TestPairedCounts:
    def test_pairs_of_answers_are_counted(self) -> None:
        answers = [(True, True)] * 4 + [(True, False)] * 3 + [(False, True)] * 2 + [(False, False)]
        assert count_pairs(answers) == PairedCounts(both=4, first_only=3, second_only=2, neither=1)
        assert count_pairs(answers).films == 10

    @pytest.mark.parametrize("table", [(20, 5, 10, 15), (0, 3, 4, 93), (1, 40, 40, 1)])
    def test_kappa_equals_that_of_scikit_learn(self, table: tuple[int, int, int, int]) -> None:
        first = np.repeat([1, 1, 0, 0], table)
        second = np.repeat([1, 0, 1, 0], table)
        assert PairedCounts(*table).kappa == pytest.approx(cohen_kappa_score(first, second))

    @pytest.mark.parametrize("table", [(0, 0, 0, 0), (9, 0, 0, 0), (0, 0, 0, 9)])
    def test_kappa_is_undefined_if_all_answers_are_the_same(
        self, table: tuple[int, int, int, int]
    ) -> None:
        assert PairedCounts(*table).kappa is None

    @pytest.mark.parametrize(
        ("first", "second"),
        [(0, 0), (1, 0), (0, 5), (5, 5), (6, 5), (2, 11), (40, 80), (500, 431), (20_000, 20_500)],
    )
    def test_p_equals_that_of_the_exact_binomial_test(self, first: int, second: int) -> None:
        """The p value is also exact if 2**n is too large for a float."""
        expected = binomtest(first, first + second).pvalue if first + second else 1.0
        assert PairedCounts(7, first, second, 9).p == pytest.approx(expected, rel=1e-8)

    @given(*[st.integers(0, 300)] * 4)
    def test_the_order_of_the_bundles_does_not_matter(
        self, both: int, first: int, second: int, neither: int
    ) -> None:
        counts = PairedCounts(both, first, second, neither)
        swapped = PairedCounts(both, second, first, neither)
        assert 0.0 <= counts.p <= 1.0
        assert (counts.kappa, counts.p) == (swapped.kappa, swapped.p)
