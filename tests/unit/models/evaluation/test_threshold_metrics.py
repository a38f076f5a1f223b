"""Counts, rates and predictive values agree with independent implementations."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from models.evaluation.threshold_metrics import measure_threshold, predictive_values, wilson


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 17), (40, 50), (9, 9)])
def test_proportions_have_wilsons_interval(successes: int, trials: int) -> None:
    estimate = wilson(successes, trials)
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_proportion_lies_inside_its_interval() -> None:
    estimates = [
        wilson(successes, trials)
        for trials in range(1, 200)
        for successes in (0, trials // 3, trials)
    ]
    assert all(
        0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0 for estimate in estimates
    )


def test_without_trials_the_interval_is_zero_to_one() -> None:
    estimate = wilson(0, 0)
    assert math.isnan(estimate.value)
    assert (estimate.low, estimate.high) == (0.0, 1.0)


def test_rates_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(-0.5, 1.5, 500)
    scores = 1 / (1 + np.exp(-logits))
    positive = rng.random(500) < scores
    metrics = measure_threshold("youden", 0.4, scores, positive)
    predicted = scores >= 0.4
    assert metrics.accuracy.value == pytest.approx(accuracy_score(positive, predicted))
    assert metrics.f1 == pytest.approx(f1_score(positive, predicted))
    assert metrics.sensitivity.value == pytest.approx(recall_score(positive, predicted))
    assert metrics.specificity.value == pytest.approx(recall_score(~positive, ~predicted))
    counts = (
        metrics.true_positive,
        metrics.false_positive,
        metrics.true_negative,
        metrics.false_negative,
    )
    assert sum(counts) == len(scores)


def test_a_score_equal_to_the_threshold_is_positive() -> None:
    metrics = measure_threshold("youden", 0.5, np.array([0.5, 0.4]), np.array([True, False]))
    assert (metrics.true_positive, metrics.true_negative) == (1, 1)


def test_predictive_values_agree_with_counts_in_ten_thousand_people() -> None:
    """Of 1,000 patients 800 are positive; of 9,000 healthy people 2,700 are positive."""
    values = predictive_values(0.8, 0.7, 0.1)
    assert values.ppv == pytest.approx(800 / 3500)
    assert values.npv == pytest.approx(6300 / 6500)
    assert predictive_values(0.0, 1.0, 0.1).ppv is None
