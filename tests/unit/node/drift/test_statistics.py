"""Distances between distributions equal values that are computed by hand or by scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from node.drift.statistics import kolmogorov, ks, psi

RNG = np.random.default_rng(7)
TENTHS = [(n + 0.5) / 100 for n in range(100)]


def test_the_same_scores_have_no_distance() -> None:
    assert psi(TENTHS, TENTHS) == 0.0
    assert ks(TENTHS, TENTHS) == (0.0, 1.0)


def test_psi_equals_a_value_computed_by_hand() -> None:
    """All scores lie in the lowest of ten bins, which has ten films of the reference."""
    p, full, empty = 10.5 / 105, 100.5 / 105, 0.5 / 105
    expected = (full - p) * math.log(full / p) + 9 * (empty - p) * math.log(empty / p)
    assert psi(TENTHS, [0.01] * 100) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("reference", "now"),
    [([0.5] * 50, [0.5] * 50), ([0.5] * 50, [0.1] * 50), ([0.1] * 99 + [0.9], [0.1] * 100)],
)
def test_equal_scores_can_be_compared(reference: list[float], now: list[float]) -> None:
    """Equal deciles form one bin, and PSI is finite because no bin has a share of 0."""
    assert 0.0 <= psi(reference, now) < math.inf


@pytest.mark.parametrize("n", [200, 400])
def test_psi_by_chance_is_as_documented(n: int) -> None:
    """Without drift, PSI has the mean 9 (1/N + 1/M), and a limit must be above this mean."""
    values = [psi(RNG.random(200), RNG.random(n)) for _ in range(200)]
    assert np.mean(values) == pytest.approx(9 * (1 / 200 + 1 / n), rel=0.15)


@pytest.mark.parametrize("x", [0.05, 0.3, 0.7, 1.17, 1.18, 1.19, 1.6, 2.5, 4.0])
def test_kolmogorovs_distribution_is_scipys(x: float) -> None:
    """The function uses one series below x = 1.18 and another series above."""
    assert kolmogorov(x) == pytest.approx(stats.kstwobign.sf(x), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("n", "m", "shift"), [(50, 50, 0.2), (50, 200, 0.12), (200, 300, 0.08)])
def test_the_p_value_is_near_the_exact_one(n: int, m: int, shift: float) -> None:
    first, second = RNG.random(n), RNG.random(m) + shift
    distance, p = ks(first, second)
    exact = stats.ks_2samp(first, second, method="exact")
    assert distance == pytest.approx(exact.statistic)
    assert p == pytest.approx(exact.pvalue, rel=0.2)


def test_tied_scores_count_together() -> None:
    distance, _ = ks([1, 1, 2], [1, 2, 2])
    assert distance == pytest.approx(1 / 3)
