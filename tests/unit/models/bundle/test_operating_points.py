"""Operating points of a card and of an evaluation are found by the same function."""

import numpy as np
import pytest

from models.bundle.operating_points import (
    SENSITIVITY_90,
    SPECIFICITY_90,
    YOUDEN,
    find_thresholds,
    fit_operating_points,
)
from models.evaluation.threshold_metrics import measure_threshold


def _films(count: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Return calibrated probabilities, and labels."""
    rng = np.random.default_rng(0)
    logits = rng.normal(-0.5, 1.5, count)
    chance = 1 / (1 + np.exp(-logits))
    return chance, rng.random(count) < chance


def test_operating_points_reach_their_rates_on_the_films_of_the_fit() -> None:
    scores, positive = _films()
    points = find_thresholds(scores, positive)
    best = max(
        (scores[positive] >= cut).mean() + (scores[~positive] < cut).mean() for cut in scores
    )
    youden = measure_threshold("", points[YOUDEN], scores, positive)
    assert youden.sensitivity.value + youden.specificity.value == pytest.approx(best)
    sensitive = measure_threshold("", points[SENSITIVITY_90], scores, positive)
    assert 0.9 <= sensitive.sensitivity.value < 0.91
    specific = measure_threshold("", points[SPECIFICITY_90], scores, positive)
    assert 0.9 <= specific.specificity.value < 0.91
    assert not set(points.values()) & set(scores.tolist())


def test_equal_scores_have_no_operating_point() -> None:
    equal, labels = np.full(4, 0.3), np.array([1.0, 0.0, 1.0, 0.0])
    assert find_thresholds(equal, labels > 0.5) == {}
    with pytest.raises(ValueError, match="there is no threshold"):
        fit_operating_points(equal, labels, "here")


def test_a_rate_that_no_threshold_reaches_is_omitted() -> None:
    """One of two positive films has the lowest score, so no threshold has 90 % sensitivity."""
    scores = np.array([0.1, 0.2, 0.3, 0.9])
    thresholds = find_thresholds(scores, np.array([True, False, False, True]))
    assert list(thresholds) == [YOUDEN, SPECIFICITY_90]
    turned = find_thresholds(1 - scores, np.array([False, True, True, False]))
    assert list(turned) == [YOUDEN, SENSITIVITY_90]


def test_youden_separates_separable_classes() -> None:
    scores, labels = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]), np.array([0.0, 0, 0, 1, 1, 1])
    point = fit_operating_points(scores, labels, "here")[0]
    assert point.threshold == pytest.approx(0.5)
    assert (point.sensitivity, point.specificity) == (1.0, 1.0)
    assert (point.films, point.positives) == (6, 3)


def test_card_and_evaluation_have_the_same_thresholds() -> None:
    """Thresholds are equal to the last digit; the card has the rates on the fitted films."""
    scores, positive = _films()
    points = fit_operating_points(scores, positive.astype(float), "500 films")
    assert [point.name for point in points] == ["youden", "sensitivity-90", "specificity-90"]
    assert {point.name: point.threshold for point in points} == find_thresholds(scores, positive)
    for point in points:
        metrics = measure_threshold(point.name, point.threshold, scores, positive)
        assert (point.sensitivity, point.specificity) == pytest.approx(
            (metrics.sensitivity.value, metrics.specificity.value)
        )
        assert (point.films, point.positives) == (500, int(positive.sum()))
        assert point.source == "500 films"


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_films_of_one_class_are_refused(label: float) -> None:
    with pytest.raises(ValueError, match="both classes"):
        fit_operating_points(np.linspace(0.1, 0.9, 5), np.full(5, label), "here")
