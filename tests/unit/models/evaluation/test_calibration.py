"""Calibration metrics agree with independent implementations."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from models.evaluation.calibration import measure_calibration


def _films(count: int = 500, slope: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities whose true calibration slope is ``slope``, and labels."""
    rng = np.random.default_rng(0)
    logits = rng.normal(-0.5, 1.5, count)
    positive = rng.random(count) < 1 / (1 + np.exp(-slope * logits))
    return 1 / (1 + np.exp(-logits)), positive


@pytest.mark.parametrize("slope", [0.5, 1.0, 1.6])
def test_slope_and_intercept_are_those_of_logistic_regression(slope: float) -> None:
    scores, positive = _films(3000, slope)
    metrics = measure_calibration(scores, positive)
    logits = np.log(scores / (1 - scores))[:, None]
    expected = LogisticRegression(C=np.inf, tol=1e-10).fit(logits, positive)
    assert metrics.slope is not None
    assert metrics.slope.value == pytest.approx(expected.coef_[0, 0], abs=1e-5)
    assert metrics.slope.low < slope < metrics.slope.high
    assert metrics.brier == pytest.approx(brier_score_loss(positive, scores))


def test_the_intercept_measures_a_shift_of_all_log_odds() -> None:
    scores, positive = _films(5000)
    too_high = 1 / (1 + np.exp(-(np.log(scores / (1 - scores)) + 0.8)))
    metrics = measure_calibration(too_high, positive)
    assert metrics.intercept is not None
    assert metrics.intercept.value == pytest.approx(-0.8, abs=0.1)
    log_odds = np.log(too_high / (1 - too_high)) + metrics.intercept.value
    shifted = 1 / (1 + np.exp(-log_odds))
    assert shifted.mean() == pytest.approx(positive.mean(), abs=1e-6)


def test_bins_and_expected_error_agree_with_scikit_learn() -> None:
    scores, positive = _films(500)
    metrics = measure_calibration(scores, positive)
    observed, predicted = calibration_curve(positive, scores, n_bins=10, strategy="quantile")
    assert [part.observed.value for part in metrics.bins] == pytest.approx(observed.tolist())
    assert [part.predicted for part in metrics.bins] == pytest.approx(predicted.tolist())
    assert metrics.ece == pytest.approx(np.abs(observed - predicted).mean())


def test_separable_classes_have_no_slope() -> None:
    scores = np.linspace(0.05, 0.95, 40)
    metrics = measure_calibration(scores, scores > 0.5)
    assert metrics.slope is None
    assert metrics.intercept is not None
