"""Tests of the combined model: fit, limits of the weights, operating points, missing logits."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from models.bundle.combined import CombinedModel, combined_probability
from models.bundle.operating_points import find_thresholds
from models.calibration.auc import auc
from models.calibration.combined_fit import MAXIMUM_AUC_LOSS, fit_combined


def _films(
    image: float, clinical: float, intercept: float, count: int = 20000
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, z = rng.normal(0, 2, count), rng.normal(-2, 1, count)
    probability = 1 / (1 + np.exp(-(image * x + clinical * z + intercept)))
    return x, z, (rng.random(count) < probability).astype(float)


@pytest.fixture(scope="module")
def combined() -> CombinedModel:
    """Return a model fitted to films that were drawn with known weights."""
    return fit_combined(*_films(0.8, 0.25, 0.3), source="synthetic")


def test_the_fit_recovers_the_weights(combined: CombinedModel) -> None:
    assert combined.image == pytest.approx(0.8, abs=0.05)
    assert combined.clinical == pytest.approx(0.25, abs=0.05)
    assert combined.intercept == pytest.approx(0.3, abs=0.15)
    assert combined.films == 20000


def test_the_combined_score_has_a_higher_auc_than_the_image(combined: CombinedModel) -> None:
    x, z, labels = _films(0.8, 0.25, 0.3)
    both = np.array(
        [combined_probability(combined, *pair) for pair in zip(x.tolist(), z.tolist(), strict=True)]
    )
    assert auc(both, labels > 0.5) > auc(x, labels > 0.5) + 0.001
    assert both.mean() == pytest.approx(labels.mean(), abs=1e-4)


def test_no_weight_becomes_negative_if_a_part_is_worse_than_chance() -> None:
    """A logit that is worse than chance gets a weight of 0; the image logit gets almost 0."""
    reversed_clinical = fit_combined(*_films(0.8, -0.5, 0.0, 4000), source="synthetic")
    assert reversed_clinical.clinical == 0.0
    low, high = (combined_probability(reversed_clinical, 1.0, logit) for logit in (-3.0, 3.0))
    assert low == high
    reversed_image = fit_combined(*_films(-0.8, 0.5, 0.0, 4000), source="synthetic")
    assert 0 < reversed_image.image < 1e-3


def test_the_clinical_weight_is_limited_by_the_loss_with_uninformative_data() -> None:
    """The clinical data predict the label very well, but not after a permutation."""
    x, z, labels = _films(0.8, 1.5, 0.3, 2000)
    limited = fit_combined(x, z, labels, source="synthetic")
    assert 0 < limited.clinical / limited.image < 0.6 * 1.5 / 0.8
    rng = np.random.default_rng(9)
    losses = [
        auc(x, labels > 0.5)
        - auc(limited.image * x + limited.clinical * rng.permutation(z), labels > 0.5)
        for _ in range(100)
    ]
    assert np.quantile(losses, 0.95) == pytest.approx(MAXIMUM_AUC_LOSS, abs=0.002)
    both = np.array(
        [combined_probability(limited, *pair) for pair in zip(x.tolist(), z.tolist(), strict=True)]
    )
    assert auc(both, labels > 0.5) > auc(x, labels > 0.5) + 0.01
    assert both.mean() == pytest.approx(labels.mean(), abs=1e-4)


def test_the_probability_is_the_sigmoid_of_the_weighted_sum(combined: CombinedModel) -> None:
    logit = combined.image * 1.5 + combined.clinical * -2.0 + combined.intercept
    assert combined_probability(combined, 1.5, -2.0) == pytest.approx(1 / (1 + math.exp(-logit)))
    assert combined_probability(combined, 1e5, 0.0) == 1.0
    assert combined_probability(combined, -1e5, 0.0) == pytest.approx(0.0)


def test_without_a_part_there_is_no_combined_score(combined: CombinedModel) -> None:
    assert combined_probability(combined, 1.0, None) is None
    assert combined_probability(None, 1.0, -2.0) is None
    assert combined_probability(combined, math.nan, -2.0) is None


def test_operating_points_are_fitted_on_combined_scores(combined: CombinedModel) -> None:
    x, z, labels = _films(0.8, 0.25, 0.3)
    both = np.array(
        [combined_probability(combined, *pair) for pair in zip(x.tolist(), z.tolist(), strict=True)]
    )
    thresholds = {point.name: point.threshold for point in combined.operating_points}
    assert list(thresholds) == ["youden", "sensitivity-90", "specificity-90"]
    assert thresholds == find_thresholds(both, labels > 0.5)
    assert {point.source for point in combined.operating_points} == {"synthetic"}


def test_films_of_one_class_and_missing_logits_are_refused() -> None:
    x, z, labels = _films(0.8, 0.5, 0.0, 50)
    with pytest.raises(ValueError, match="both classes"):
        fit_combined(x, z, np.ones(50), source="synthetic")
    with pytest.raises(ValueError, match="not finite"):
        fit_combined(x, np.where(np.arange(50) == 7, np.nan, z), labels, source="synthetic")


def test_golden_pairs_detect_a_change(combined: CombinedModel) -> None:
    assert combined.drift() == 0
    assert len(combined.golden) == 3
    assert combined.model_copy(update={"clinical": 0.6}).drift() > 1e-3


def test_negative_weights_are_refused(combined: CombinedModel) -> None:
    with pytest.raises(ValidationError):
        CombinedModel.model_validate(combined.model_dump() | {"clinical": -0.1})
