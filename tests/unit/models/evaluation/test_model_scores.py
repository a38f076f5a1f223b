"""Each model scores the films that it has the facts for, and no others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.bundle.combined import combine
from models.bundle.score import Bundle
from models.bundle.store import load_bundle
from models.calibration.combined_fit import fit_combined
from models.clinical.model import ClinicalFacts
from models.dataset.entry import Entry, Sex, Split
from models.evaluation.model_scores import own_points, panel
from models.evaluation.scores import FilmScore
from tests.support.paths import ROOT

KNOWN = Entry(
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
UNKNOWN = replace(KNOWN, patient_id="p2", weight_kg=None)
SCORED = [FilmScore(1.2, 0.7, None), FilmScore(-0.3, 0.4, None), None]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Return the shipped bundle, with a combined model besides."""
    shipped = load_bundle(ROOT / "models" / "bundles" / "demo")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 80).astype(float)
    made = fit_combined(
        labels + rng.normal(0, 1, 80), labels + rng.normal(0, 1, 80), labels, "here"
    )
    return replace(shipped, card=shipped.card.model_copy(update={"combined": made}))


def test_facts_that_are_not_known_leave_the_image_alone(bundle: Bundle) -> None:
    found = panel(bundle, [KNOWN, UNKNOWN, KNOWN], SCORED)
    assert bundle.clinical is not None
    logit = bundle.clinical.logit(ClinicalFacts(71.0, "F", 52.0, 158.0))
    assert logit is not None
    assert found["image"][:2].tolist() == [0.7, 0.4]
    assert found["clinical"][0] == pytest.approx(1 / (1 + np.exp(-logit)))
    assert found["combined"][0] == combine(bundle.card.combined, 1.2, logit)
    assert np.isnan(found["clinical"][1])
    assert np.isnan(found["combined"][1])
    assert all(np.isnan(values[2]) for values in found.values())


def test_models_that_nothing_can_be_asked_of_are_left_out(bundle: Bundle) -> None:
    assert set(panel(bundle, [UNKNOWN, UNKNOWN], SCORED[:2])) == {"image"}
    assert set(panel(replace(bundle, clinical=None), [KNOWN], SCORED[:1])) == {"image"}
    alone = replace(bundle, card=bundle.card.model_copy(update={"combined": None}))
    assert set(panel(alone, [KNOWN], SCORED[:1])) == {"image", "clinical"}


def test_a_bundle_brings_thresholds_for_each_of_its_scores(bundle: Bundle) -> None:
    """The image's lie in the card, the combined one's in its part; clinical facts have none."""
    card = bundle.card
    assert card.combined is not None
    brought = own_points(card)
    assert set(brought) == {"image", "combined"}
    assert brought["image"] == {one.name: one.threshold for one in card.operating_points}
    assert "youden" in brought["image"]
    assert list(brought["combined"]) == ["youden", "sensitivity-90", "specificity-90"]
    assert brought["combined"]["youden"] == card.combined.operating_points[0].threshold
    assert set(own_points(card.model_copy(update={"combined": None}))) == {"image"}
