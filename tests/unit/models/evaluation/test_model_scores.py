"""Each model scores only the films that have its inputs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.bundle.combined import combined_probability
from models.bundle.score import Bundle
from models.bundle.store import load_bundle
from models.calibration.combined_fit import fit_combined
from models.clinical.model import ClinicalFacts
from models.dataset.entry import Entry, Sex, Split
from models.evaluation.image_scores import FilmScore
from models.evaluation.model_scores import card_thresholds, score_models
from tests.support.paths import ROOT

COMPLETE = Entry(
    Path("a.png"),
    "p1",
    "A",
    Split.TEST,
    label=True,
    age=71.0,
    sex=Sex.FEMALE,
    weight_kg=52.0,
    height_cm=158.0,
)
INCOMPLETE = replace(COMPLETE, patient_id="p2", weight_kg=None)
FILM_SCORES = [FilmScore(1.2, 0.7, None), FilmScore(-0.3, 0.4, None), None]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Return the shipped bundle with a combined model that this fixture fits."""
    shipped = load_bundle(ROOT / "models" / "bundles" / "demo")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 80).astype(float)
    combined = fit_combined(
        labels + rng.normal(0, 1, 80), labels + rng.normal(0, 1, 80), labels, "here"
    )
    return replace(shipped, card=shipped.card.model_copy(update={"combined": combined}))


def test_without_clinical_inputs_only_the_image_model_scores(bundle: Bundle) -> None:
    scores = score_models(bundle, [COMPLETE, INCOMPLETE, COMPLETE], FILM_SCORES)
    assert bundle.clinical is not None
    logit = bundle.clinical.logit(ClinicalFacts(71.0, "F", 52.0, 158.0))
    assert logit is not None
    assert scores["image"][:2].tolist() == [0.7, 0.4]
    assert scores["clinical"][0] == pytest.approx(1 / (1 + np.exp(-logit)))
    assert scores["combined"][0] == combined_probability(bundle.card.combined, 1.2, logit)
    assert np.isnan(scores["clinical"][1])
    assert np.isnan(scores["combined"][1])
    assert all(np.isnan(values[2]) for values in scores.values())


def test_models_without_any_score_are_left_out(bundle: Bundle) -> None:
    assert set(score_models(bundle, [INCOMPLETE, INCOMPLETE], FILM_SCORES[:2])) == {"image"}
    assert set(score_models(replace(bundle, clinical=None), [COMPLETE], FILM_SCORES[:1])) == {
        "image"
    }
    without_combined = replace(bundle, card=bundle.card.model_copy(update={"combined": None}))
    assert set(score_models(without_combined, [COMPLETE], FILM_SCORES[:1])) == {"image", "clinical"}


def test_the_card_has_thresholds_for_image_and_combined(bundle: Bundle) -> None:
    """The clinical model has no thresholds."""
    card = bundle.card
    assert card.combined is not None
    thresholds = card_thresholds(card)
    assert set(thresholds) == {"image", "combined"}
    assert thresholds["image"] == {point.name: point.threshold for point in card.operating_points}
    assert "youden" in thresholds["image"]
    assert list(thresholds["combined"]) == ["youden", "sensitivity-90", "specificity-90"]
    assert thresholds["combined"]["youden"] == card.combined.operating_points[0].threshold
    assert set(card_thresholds(card.model_copy(update={"combined": None}))) == {"image"}
