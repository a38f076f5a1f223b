"""Calibration and areas: right on data whose answer is known."""

import numpy as np
import pytest

from models.bundle.card import Calibration
from models.bundle.score import calibrated
from models.calibration.platt import area, auc, platt


def _logistic(count: int, slope: float, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, count)
    chance = 1 / (1 + np.exp(-(slope * logits + intercept)))
    return logits, (rng.random(count) < chance).astype(float)


def test_platt_finds_the_slope_and_intercept_that_made_the_labels() -> None:
    found = platt(*_logistic(20000, 0.7, -0.5))
    assert found.slope == pytest.approx(0.7, abs=0.05)
    assert found.intercept == pytest.approx(-0.5, abs=0.06)


def test_platt_never_turns_the_score_around() -> None:
    logits, labels = _logistic(500, -1.0, 0.0)
    assert platt(logits, labels).slope > 0


def test_auc_counts_ordered_pairs_and_halves_ties() -> None:
    labels = np.array([0, 0, 1, 1])
    assert auc(np.array([1, 2, 3, 4]), labels) == 1.0
    assert auc(np.array([4, 3, 2, 1]), labels) == 0.0
    assert auc(np.array([1, 1, 1, 1]), labels) == 0.5
    assert auc(np.array([1, 3, 2, 4]), labels) == 0.75
    with pytest.raises(ValueError, match="both classes"):
        auc(np.array([1, 2]), np.array([1, 1]))


def test_the_interval_holds_the_area() -> None:
    figure = area("x", *_logistic(300, 0.7, 0.0), "here")
    assert figure.low < figure.auc < figure.high
    assert figure.high - figure.low < 0.2


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_no_logit_overflows(logit: float) -> None:
    assert calibrated(logit, Calibration(slope=2, intercept=0)) == float(logit > 0)
