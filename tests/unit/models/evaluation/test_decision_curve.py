"""The net benefit agrees with its definition."""

import numpy as np
import pytest

from models.evaluation.decision_curve import THRESHOLDS, decision_curve, smallest_difference


def _films(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return calibrated probabilities (n,) and labels (n,)."""
    rng = np.random.default_rng(0)
    probabilities = 1 / (1 + np.exp(-rng.normal(-0.5, 1.5, count)))
    return probabilities, rng.random(count) < probabilities


def test_false_positives_are_weighted_by_the_odds_of_the_threshold() -> None:
    scores, positive = _films(200)
    curve = decision_curve(scores, positive)
    for index in (4, 24, 49):
        threshold = float(THRESHOLDS[index])
        true_pos = sum(p >= threshold and y for p, y in zip(scores, positive, strict=True))
        false_pos = sum(p >= threshold and not y for p, y in zip(scores, positive, strict=True))
        benefit = (true_pos - false_pos * threshold / (1 - threshold)) / 200
        assert curve.model[index] == pytest.approx(benefit)


def test_treating_all_and_treating_none_are_the_limits() -> None:
    _, positive = _films(200)
    treat_all = decision_curve(np.ones(200), positive)
    assert np.allclose(treat_all.model, treat_all.treat_all)
    assert np.allclose(decision_curve(np.zeros(200), positive).model, 0.0)


def test_the_smallest_difference_ignores_films_without_both_scores() -> None:
    scores, positive = _films(200)
    weak = np.full(200, positive.mean())
    gaps = scores.copy()
    gaps[:50] = np.nan
    complete_films = smallest_difference(scores[50:], weak[50:], positive[50:])
    assert smallest_difference(gaps, weak, positive) == complete_films
    assert smallest_difference(scores, scores, positive) == 0.0
