"""A bundle is calibrated on held-out films, which also give the thresholds of both scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.bundle.card import Training
from models.bundle.combined import combined_probability
from models.bundle.golden import verify_golden
from models.bundle.intended_use import IntendedUse
from models.bundle.operating_points import find_thresholds
from models.bundle.score import Bundle
from models.bundle.store import BundleError, load_bundle
from models.clinical.model import ClinicalModel, sigmoid
from models.nets.grid import GridConfig, GridNet
from models.training.build_bundle import (
    MINIMUM_PER_CLASS,
    CardText,
    ClinicalInputs,
    HeldOut,
    write_calibrated,
)
from tests.support.paths import ROOT

NAMES = ["youden", "sensitivity-90", "specificity-90"]
TEXT = CardText(
    name="test",
    version="0",
    intended_use=IntendedUse.DEMONSTRATION,
    summary="an untrained net",
    limits=("for tests",),
    output="noise",
    data="none",
    label="none",
    validation="400 invented films",
)
TRAINING = Training(data="", label="", films=0, steps=0, minutes=0, seed=0, software={})


@pytest.fixture(scope="module")
def clinical() -> ClinicalModel:
    """Return the shipped clinical model."""
    clinical = load_bundle(ROOT / "models" / "bundles" / "demo").clinical
    assert clinical is not None
    return clinical


@pytest.fixture
def held_out(clinical: ClinicalModel) -> HeldOut:
    """Return 400 films; a third of the films are positive, and three in four have clinical data."""
    rng = np.random.default_rng(0)
    labels = (np.arange(400) % 3 == 0).astype(float)
    logits = labels - 3 + rng.normal(0, 1, 400)
    logits[1::4] = np.nan
    return HeldOut(2 * labels + rng.normal(0, 1, 400), labels, ClinicalInputs(clinical, logits))


@pytest.fixture
def bundle(tmp_path: Path, small: GridConfig, held_out: HeldOut) -> Bundle:
    """Return a bundle that is calibrated on the held-out films."""
    return _write(tmp_path, small, held_out)


def _write(path: Path, config: GridConfig, held_out: HeldOut) -> Bundle:
    return write_calibrated(path, GridNet(config).eval(), held_out, (), {}, (TEXT, TRAINING))


def test_operating_points_of_the_image_score_are_fitted_on_calibrated_scores(
    bundle: Bundle, held_out: HeldOut
) -> None:
    fit = bundle.card.calibration
    scores = np.array([sigmoid(fit.slope * logit + fit.intercept) for logit in held_out.logits])
    points = bundle.card.operating_points
    assert [point.name for point in points] == NAMES
    assert {point.name: point.threshold for point in points} == find_thresholds(
        scores, held_out.labels > 0.5
    )
    assert bundle.card.operating_point.name == "youden"
    assert {point.source for point in points} == {"400 invented films"}


def test_the_combined_score_has_its_own_operating_points(bundle: Bundle, held_out: HeldOut) -> None:
    """These operating points are fitted on the films that have both logits."""
    assert held_out.clinical is not None
    both = np.isfinite(held_out.clinical.logits)
    pairs = zip(held_out.logits[both], held_out.clinical.logits[both], strict=True)
    part = bundle.card.combined
    assert part is not None
    scores = np.array([combined_probability(part, *map(float, pair)) for pair in pairs])
    assert [point.name for point in part.operating_points] == NAMES
    assert {point.name: point.threshold for point in part.operating_points} == find_thresholds(
        scores, held_out.labels[both] > 0.5
    )
    assert part.films == part.operating_points[0].films == 300
    assert "300 with age, sex, weight and height" in part.source
    image = [point.threshold for point in bundle.card.operating_points]
    assert [point.threshold for point in part.operating_points] != pytest.approx(image, abs=0.01)


def test_clinical_and_combined_model_are_stored(bundle: Bundle, clinical: ClinicalModel) -> None:
    loaded = load_bundle(bundle.path)
    assert loaded.clinical == clinical
    assert loaded.card == bundle.card
    assert verify_golden(loaded) < 1e-4


@pytest.mark.parametrize("rare_label", [0.0, 1.0])
def test_a_combined_model_needs_enough_films_of_each_class(
    tmp_path: Path, small: GridConfig, held_out: HeldOut, rare_label: float
) -> None:
    """With too few films, the bundle has a clinical model but no combined model."""
    assert held_out.clinical is not None
    for count, fitted in ((MINIMUM_PER_CLASS, True), (MINIMUM_PER_CLASS - 1, False)):
        logits = np.array(held_out.clinical.logits)
        complete = np.flatnonzero((held_out.labels == rare_label) & np.isfinite(logits))
        logits[complete[count:]] = np.nan
        clinical = replace(held_out.clinical, logits=logits)
        bundle = _write(tmp_path / str(count), small, replace(held_out, clinical=clinical))
        assert (bundle.card.combined is not None) is fitted
        assert bundle.clinical == clinical.model


def test_without_a_clinical_model_there_is_only_the_image_score(
    tmp_path: Path, small: GridConfig, held_out: HeldOut
) -> None:
    bundle = _write(tmp_path, small, replace(held_out, clinical=None))
    assert (bundle.clinical, bundle.card.combined) == (None, None)
    assert len(bundle.card.operating_points) == 3


def test_a_net_with_equal_scores_gives_no_bundle(
    tmp_path: Path, small: GridConfig, held_out: HeldOut
) -> None:
    with pytest.raises(BundleError, match=r"there is no threshold; train longer"):
        _write(tmp_path / "bundle", small, replace(held_out, logits=np.zeros(400)))
    assert not (tmp_path / "bundle").exists()
