"""AUCs, intervals and tests agree with independent implementations."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn import metrics

from models.calibration.auc import (
    auc,
    auc_with_interval,
    bootstrap_auc_by_patient,
    compare_aucs,
    delong,
    weighted_auc,
)


def _films(count: int, ties: bool, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return scores of two correlated models (2, n), and labels."""
    rng = np.random.default_rng(seed)
    positive = rng.random(count) < 0.4
    shared = rng.normal(0, 1, count)
    scores = np.stack([positive + shared, 0.4 * positive + 0.5 * shared + rng.normal(0, 1, count)])
    return (np.round(scores, 1) if ties else scores), positive


def _structural(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return AUCs and covariance by DeLong's structural components over all pairs."""
    cases, controls = scores[:, positive], scores[:, ~positive]
    kernel = (cases[:, :, None] > controls[:, None, :]) + 0.5 * (
        cases[:, :, None] == controls[:, None, :]
    )
    by_case, by_control = kernel.mean(axis=2), kernel.mean(axis=1)
    covariance = np.cov(by_case) / by_case.shape[1] + np.cov(by_control) / by_control.shape[1]
    return kernel.mean(axis=(1, 2)), covariance


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("count", [9, 60, 300])
def test_the_fast_algorithm_agrees_with_the_definition(count: int, ties: bool) -> None:
    scores, positive = _films(count, ties)
    areas, covariance = delong(scores, positive)
    assert [auc(row, positive) for row in scores] == pytest.approx(areas, abs=1e-12)
    slow_areas, slow_covariance = _structural(scores, positive)
    assert areas == pytest.approx(slow_areas, abs=1e-12)
    assert covariance == pytest.approx(slow_covariance, abs=1e-12)
    assert areas == pytest.approx(
        [metrics.roc_auc_score(positive, row) for row in scores], abs=1e-12
    )


def test_auc_counts_ordered_pairs_and_halves_ties() -> None:
    positive = np.array([False, False, True, True])
    assert auc(np.array([1.0, 2.0, 3.0, 4.0]), positive) == 1.0
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), positive) == 0.0
    assert auc(np.array([1.0, 1.0, 1.0, 1.0]), positive) == 0.5
    assert auc(np.array([1.0, 3.0, 2.0, 4.0]), positive) == 0.75
    with pytest.raises(ValueError, match="both classes"):
        auc(np.array([1.0, 2.0]), np.array([True, True]))


def test_the_interval_has_its_nominal_coverage() -> None:
    true_auc = norm.cdf(1 / np.sqrt(2))
    hits = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        positive = np.arange(150) < 60
        estimate = auc_with_interval(rng.normal(0, 1, 150) + positive, positive)
        hits += estimate.low <= true_auc <= estimate.high
    assert 0.92 < hits / 400 < 0.98


def test_the_paired_test_detects_a_difference_only_if_there_is_one() -> None:
    scores, positive = _films(600, ties=False)
    comparison = compare_aucs("a", "b", scores, positive)
    areas, covariance = _structural(scores, positive)
    z = (areas[0] - areas[1]) / np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert comparison.z == pytest.approx(z)
    assert comparison.p == pytest.approx(2 * norm.sf(abs(z)))
    assert comparison.p < 0.05
    assert comparison.difference.low > 0
    same = compare_aucs("a", "a", np.stack([scores[0], scores[0]]), positive)
    assert (same.difference.value, same.p) == (0.0, 1.0)


def test_the_paired_test_has_its_nominal_error_rate() -> None:
    """If two models are equal, p is below 0.05 in about 5 % of the samples."""
    rejections = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        positive = np.arange(120) < 50
        scores = rng.normal(0, 1, (2, 120)) + positive
        rejections += compare_aucs("a", "b", scores, positive).p < 0.05
    assert 0.02 < rejections / 400 < 0.085


def test_a_class_with_one_film_is_refused() -> None:
    with pytest.raises(ValueError, match="two films"):
        auc_with_interval(np.arange(4.0), np.array([True, False, False, False]))


@pytest.mark.parametrize("ties", [False, True])
def test_a_weight_counts_as_that_many_films(ties: bool) -> None:
    scores, positive = _films(40, ties)
    weights = np.random.default_rng(2).integers(0, 4, (5, 40)).astype(float)
    for area, row in zip(weighted_auc(scores[0], positive, weights), weights, strict=True):
        assert area == pytest.approx(metrics.roc_auc_score(positive, scores[0], sample_weight=row))


def test_the_bootstrap_depends_on_its_seed() -> None:
    scores, positive = _films(80, ties=False)
    patients = [str(number) for number in range(80)]
    first, again, different = (
        bootstrap_auc_by_patient(scores[0], positive, patients, s) for s in (1, 1, 2)
    )
    assert first == again
    assert first != different
    assert first.low < first.value < first.high


def test_films_of_one_patient_count_as_one() -> None:
    """Four copies of each film change neither the number of patients nor the interval."""
    scores, positive = _films(80, ties=False)
    patients = [str(number) for number in range(80)]
    once = bootstrap_auc_by_patient(scores[0], positive, patients, 1)
    four = bootstrap_auc_by_patient(np.tile(scores[0], 4), np.tile(positive, 4), patients * 4, 1)
    assert four.high - four.low == pytest.approx(once.high - once.low, rel=1e-9)
    separate = [f"{number}" for number in range(320)]
    naive = bootstrap_auc_by_patient(np.tile(scores[0], 4), np.tile(positive, 4), separate, 1)
    assert naive.high - naive.low < 0.7 * (once.high - once.low)
