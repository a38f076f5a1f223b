"""Counts, rates, predictive values, net benefit, calibration."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, recall_score

from models.evaluation.calibration import agreement
from models.evaluation.decisions import (
    THRESHOLDS,
    net_benefit,
    perform,
    predictive,
    wilson,
)


def _films(count: int = 500, slope: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities whose log odds must be multiplied by ``slope`` to be right, and labels."""
    rng = np.random.default_rng(0)
    logits = rng.normal(-0.5, 1.5, count)
    positive = rng.random(count) < 1 / (1 + np.exp(-slope * logits))
    return 1 / (1 + np.exp(-logits)), positive


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (3, 17), (40, 50), (9, 9)])
def test_shares_have_wilsons_interval(hits: int, trials: int) -> None:
    found = wilson(hits, trials)
    known = binomtest(hits, trials).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=1e-12)


def test_no_share_lies_outside_its_own_interval() -> None:
    found = [wilson(hits, trials) for trials in range(1, 200) for hits in (0, trials // 3, trials)]
    assert all(0.0 <= one.low <= one.value <= one.high <= 1.0 for one in found)


def test_nothing_tried_leaves_all_open() -> None:
    found = wilson(0, 0)
    assert math.isnan(found.value)
    assert (found.low, found.high) == (0.0, 1.0)


def test_rates_are_scikit_learns() -> None:
    scores, positive = _films()
    found = perform("here", 0.4, scores, positive)
    called = scores >= 0.4
    assert found.accuracy.value == pytest.approx(accuracy_score(positive, called))
    assert found.f1 == pytest.approx(f1_score(positive, called))
    assert found.sensitivity.value == pytest.approx(recall_score(positive, called))
    assert found.specificity.value == pytest.approx(recall_score(~positive, ~called))
    counts = (found.true_positive, found.false_positive, found.true_negative, found.false_negative)
    assert sum(counts) == len(scores)


def test_a_score_on_the_threshold_is_positive() -> None:
    found = perform("here", 0.5, np.array([0.5, 0.4]), np.array([True, False]))
    assert (found.true_positive, found.true_negative) == (1, 1)


def test_predictive_values_are_counted_in_ten_thousand_people() -> None:
    """1,000 ill of 10,000: 800 found, 200 missed; 9,000 healthy: 6,300 spared, 2,700 called."""
    found = predictive(0.8, 0.7, 0.1)
    assert found.ppv == pytest.approx(800 / 3500)
    assert found.npv == pytest.approx(6300 / 6500)
    assert predictive(0.0, 1.0, 0.1).ppv is None


def test_net_benefit_counts_false_positives_at_the_odds() -> None:
    scores, positive = _films(200)
    found = net_benefit(scores, positive)
    for index in (4, 24, 49):
        cut = float(THRESHOLDS[index])
        hits = sum(p >= cut and y for p, y in zip(scores, positive, strict=True))
        false = sum(p >= cut and not y for p, y in zip(scores, positive, strict=True))
        assert found.model[index] == pytest.approx((hits - false * cut / (1 - cut)) / 200)
    everybody = net_benefit(np.ones(200), positive)
    assert np.allclose(everybody.model, found.treat_all)
    assert np.allclose(net_benefit(np.zeros(200), positive).model, 0.0)


@pytest.mark.parametrize("slope", [0.5, 1.0, 1.6])
def test_slope_and_intercept_are_those_of_logistic_regression(slope: float) -> None:
    scores, positive = _films(3000, slope)
    found = agreement(scores, positive)
    logits = np.log(scores / (1 - scores))[:, None]
    known = LogisticRegression(C=np.inf, tol=1e-10).fit(logits, positive)
    assert found.slope is not None
    assert found.slope.value == pytest.approx(known.coef_[0, 0], abs=1e-5)
    assert found.slope.low < slope < found.slope.high
    assert found.brier == pytest.approx(brier_score_loss(positive, scores))


def test_the_intercept_is_how_far_off_scores_are_on_the_whole() -> None:
    scores, positive = _films(5000)
    too_high = 1 / (1 + np.exp(-(np.log(scores / (1 - scores)) + 0.8)))
    found = agreement(too_high, positive)
    assert found.intercept is not None
    assert found.intercept.value == pytest.approx(-0.8, abs=0.1)
    shifted = 1 / (1 + np.exp(-(np.log(too_high / (1 - too_high)) + found.intercept.value)))
    assert shifted.mean() == pytest.approx(positive.mean(), abs=1e-6)


def test_bins_and_expected_error_are_scikit_learns() -> None:
    scores, positive = _films(500)
    found = agreement(scores, positive)
    observed, predicted = calibration_curve(positive, scores, n_bins=10, strategy="quantile")
    assert [one.observed.value for one in found.bins] == pytest.approx(observed.tolist())
    assert [one.predicted for one in found.bins] == pytest.approx(predicted.tolist())
    assert found.ece == pytest.approx(np.abs(observed - predicted).mean())


def test_classes_that_are_parted_have_no_slope() -> None:
    scores = np.linspace(0.05, 0.95, 40)
    found = agreement(scores, scores > 0.5)
    assert found.slope is None
    assert found.intercept is not None
