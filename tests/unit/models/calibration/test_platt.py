"""Platt scaling and card figures are correct on data with known parameters."""

import numpy as np
import pytest

from models.bundle.card import Calibration
from models.bundle.score import calibrated
from models.calibration.platt import card_figure, platt


def _logistic(count: int, slope: float, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, count)
    probability = 1 / (1 + np.exp(-(slope * logits + intercept)))
    return logits, (rng.random(count) < probability).astype(float)


def test_platt_recovers_slope_and_intercept() -> None:
    calibration = platt(*_logistic(20000, 0.7, -0.5))
    assert calibration.slope == pytest.approx(0.7, abs=0.05)
    assert calibration.intercept == pytest.approx(-0.5, abs=0.06)


def test_platt_never_inverts_the_score() -> None:
    logits, labels = _logistic(500, -1.0, 0.0)
    assert platt(logits, labels).slope > 0


def test_the_interval_contains_the_auc() -> None:
    figure = card_figure("x", *_logistic(300, 0.7, 0.0), "here")
    assert figure.low < figure.auc < figure.high
    assert figure.high - figure.low < 0.2


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_extreme_logits_do_not_overflow(logit: float) -> None:
    assert calibrated(logit, Calibration(slope=2, intercept=0)) == float(logit > 0)
