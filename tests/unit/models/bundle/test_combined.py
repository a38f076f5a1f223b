"""The combined model: it finds the weights that made the labels, and never guesses a part."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from models.bundle.combined import CombinedModel, combined_probability
from models.bundle.operating_points import find_thresholds
from models.calibration.combined_fit import HARM, fit_combined
from models.calibration.platt import auc


def _films(
    image: float, clinical: float, intercept: float, count: int = 20000
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, z = rng.normal(0, 2, count), rng.normal(-2, 1, count)
    chance = 1 / (1 + np.exp(-(image * x + clinical * z + intercept)))
    return x, z, (rng.random(count) < chance).astype(float)


@pytest.fixture(scope="module")
def combined() -> CombinedModel:
    """Return the model of films whose weights are known."""
    return fit_combined(*_films(0.8, 0.25, 0.3), source="invented")


def test_it_finds_the_weights_that_made_the_labels(combined: CombinedModel) -> None:
    assert combined.image == pytest.approx(0.8, abs=0.05)
    assert combined.clinical == pytest.approx(0.25, abs=0.05)
    assert combined.intercept == pytest.approx(0.3, abs=0.15)
    assert combined.films == 20000


def test_both_parts_together_order_films_better_than_the_image(combined: CombinedModel) -> None:
    x, z, labels = _films(0.8, 0.25, 0.3)
    both = np.array(
        [combined_probability(combined, *pair) for pair in zip(x.tolist(), z.tolist(), strict=True)]
    )
    assert auc(both, labels) > auc(x, labels) + 0.001
    assert both.mean() == pytest.approx(labels.mean(), abs=1e-4)


def test_a_part_that_misleads_is_left_out_not_turned_around() -> None:
    """A clinical model may fall below chance elsewhere; then the image is all there is."""
    against = fit_combined(*_films(0.8, -0.5, 0.0, 4000), source="invented")
    assert against.clinical == 0.0
    assert combined_probability(against, 1.0, -3.0) == combined_probability(against, 1.0, 3.0)
    reversed_image = fit_combined(*_films(-0.8, 0.5, 0.0, 4000), source="invented")
    assert 0 < reversed_image.image < 1e-3


def test_facts_weigh_no_more_than_does_little_harm_where_they_tell_nothing() -> None:
    """Facts that order these films very well, and at a hundred other hospitals not at all."""
    x, z, labels = _films(0.8, 1.5, 0.3, 2000)
    careful = fit_combined(x, z, labels, source="invented")
    assert 0 < careful.clinical / careful.image < 0.6 * 1.5 / 0.8
    rng = np.random.default_rng(9)
    costs = [
        auc(x, labels) - auc(careful.image * x + careful.clinical * rng.permutation(z), labels)
        for _ in range(100)
    ]
    assert np.quantile(costs, 0.95) == pytest.approx(HARM, abs=0.002)
    both = np.array(
        [combined_probability(careful, *pair) for pair in zip(x.tolist(), z.tolist(), strict=True)]
    )
    assert auc(both, labels) > auc(x, labels) + 0.01
    assert both.mean() == pytest.approx(labels.mean(), abs=1e-4)


def test_it_is_the_logistic_of_the_weighted_sum(combined: CombinedModel) -> None:
    logit = combined.image * 1.5 + combined.clinical * -2.0 + combined.intercept
    assert combined_probability(combined, 1.5, -2.0) == pytest.approx(1 / (1 + math.exp(-logit)))
    assert combined_probability(combined, 1e5, 0.0) == 1.0
    assert combined_probability(combined, -1e5, 0.0) == pytest.approx(0.0)


def test_without_a_part_there_is_no_combined_score(combined: CombinedModel) -> None:
    """The image's own score, calibrated by itself, then decides."""
    assert combined_probability(combined, 1.0, None) is None
    assert combined_probability(None, 1.0, -2.0) is None
    assert combined_probability(combined, math.nan, -2.0) is None


def test_its_operating_points_are_those_of_its_own_scores(combined: CombinedModel) -> None:
    """On the films it was fitted on, whatever thresholds the image has."""
    x, z, labels = _films(0.8, 0.25, 0.3)
    both = np.array(
        [combined_probability(combined, *pair) for pair in zip(x.tolist(), z.tolist(), strict=True)]
    )
    found = {point.name: point.threshold for point in combined.operating_points}
    assert list(found) == ["youden", "sensitivity-90", "specificity-90"]
    assert found == find_thresholds(both, labels > 0.5)
    assert {point.source for point in combined.operating_points} == {"invented"}


def test_films_that_cannot_teach_it_are_refused() -> None:
    x, z, labels = _films(0.8, 0.5, 0.0, 50)
    with pytest.raises(ValueError, match="both classes"):
        fit_combined(x, z, np.ones(50), source="invented")
    with pytest.raises(ValueError, match="no number"):
        fit_combined(x, np.where(np.arange(50) == 7, np.nan, z), labels, source="invented")


def test_no_weight_is_negative_and_mixtures_show_a_change(combined: CombinedModel) -> None:
    assert combined.drift() == 0
    assert len(combined.golden) == 3
    assert combined.model_copy(update={"clinical": 0.6}).drift() > 1e-3
    with pytest.raises(ValidationError):
        CombinedModel.model_validate(combined.model_dump() | {"clinical": -0.1})
