"""Areas under the curve and their intervals, against other people's arithmetic."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score, roc_curve

from models.evaluation.bootstrap import patient_bootstrap, weighted_auc
from models.evaluation.discrimination import auc, compare, delong, roc


def _films(count: int, ties: bool, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of two correlated models (2, n), and labels."""
    rng = np.random.default_rng(seed)
    positive = rng.random(count) < 0.4
    shared = rng.normal(0, 1, count)
    scores = np.stack([positive + shared, 0.4 * positive + 0.5 * shared + rng.normal(0, 1, count)])
    return (np.round(scores, 1) if ties else scores), positive


def _structural(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's structural components as the paper defines them, over all pairs."""
    cases, controls = scores[:, positive], scores[:, ~positive]
    kernel = (cases[:, :, None] > controls[:, None, :]) + 0.5 * (
        cases[:, :, None] == controls[:, None, :]
    )
    by_case, by_control = kernel.mean(axis=2), kernel.mean(axis=1)
    covariance = np.cov(by_case) / by_case.shape[1] + np.cov(by_control) / by_control.shape[1]
    return kernel.mean(axis=(1, 2)), covariance


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("count", [9, 60, 300])
def test_the_fast_algorithm_gives_delongs_own_figures(count: int, ties: bool) -> None:
    scores, positive = _films(count, ties)
    areas, covariance = delong(scores, positive)
    slow_areas, slow_covariance = _structural(scores, positive)
    assert areas == pytest.approx(slow_areas, abs=1e-12)
    assert covariance == pytest.approx(slow_covariance, abs=1e-12)
    assert areas == pytest.approx([roc_auc_score(positive, one) for one in scores], abs=1e-12)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    truth = norm.cdf(1 / np.sqrt(2))
    hits = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        positive = np.arange(150) < 60
        found = auc(rng.normal(0, 1, 150) + positive, positive)
        hits += found.low <= truth <= found.high
    assert 0.92 < hits / 400 < 0.98


def test_the_paired_test_finds_a_difference_and_none_where_there_is_none() -> None:
    scores, positive = _films(600, ties=False)
    found = compare("one", "other", scores, positive)
    areas, covariance = _structural(scores, positive)
    z = (areas[0] - areas[1]) / np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert found.z == pytest.approx(z)
    assert found.p == pytest.approx(2 * norm.sf(abs(z)))
    assert found.p < 0.05
    assert found.difference.low > 0
    same = compare("one", "one", np.stack([scores[0], scores[0]]), positive)
    assert (same.difference.value, same.p) == (0.0, 1.0)


def test_p_is_uniform_when_models_are_alike() -> None:
    """A test that cries wolf one time in twenty does so one time in twenty."""
    cries = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        positive = np.arange(120) < 50
        scores = rng.normal(0, 1, (2, 120)) + positive
        cries += compare("one", "other", scores, positive).p < 0.05
    assert 0.02 < cries / 400 < 0.085


def test_one_film_of_a_class_has_no_variance() -> None:
    with pytest.raises(ValueError, match="two films"):
        auc(np.arange(4.0), np.array([True, False, False, False]))


@pytest.mark.parametrize("ties", [False, True])
def test_the_curve_is_scikit_learns(ties: bool) -> None:
    scores, positive = _films(200, ties)
    curve = roc(scores[0], positive)
    false, true, _ = roc_curve(positive, scores[0], drop_intermediate=False)
    assert np.allclose(curve.false_positive_rate, false)
    assert np.allclose(curve.sensitivity, true)


@pytest.mark.parametrize("ties", [False, True])
def test_a_weight_is_as_many_films(ties: bool) -> None:
    scores, positive = _films(40, ties)
    weights = np.random.default_rng(2).integers(0, 4, (5, 40)).astype(float)
    for found, row in zip(weighted_auc(scores[0], positive, weights), weights, strict=True):
        assert found == pytest.approx(roc_auc_score(positive, scores[0], sample_weight=row))


def test_the_bootstrap_is_decided_by_its_seed() -> None:
    scores, positive = _films(80, ties=False)
    patients = [str(number) for number in range(80)]
    first, again, other = (patient_bootstrap(scores[0], positive, patients, s) for s in (1, 1, 2))
    assert first == again
    assert first != other
    assert first.low < first.value < first.high


def test_films_of_one_patient_count_as_one() -> None:
    """Each film four times over: as many patients, so the interval must not shrink."""
    scores, positive = _films(80, ties=False)
    patients = [str(number) for number in range(80)]
    once = patient_bootstrap(scores[0], positive, patients, 1)
    four = patient_bootstrap(np.tile(scores[0], 4), np.tile(positive, 4), patients * 4, 1)
    assert four.high - four.low == pytest.approx(once.high - once.low, rel=1e-9)
    apart = [f"{number}" for number in range(320)]
    naive = patient_bootstrap(np.tile(scores[0], 4), np.tile(positive, 4), apart, 1)
    assert naive.high - naive.low < 0.7 * (once.high - once.low)
