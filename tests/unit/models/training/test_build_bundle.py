"""What a released bundle says of its scores: thresholds of each, frozen on films held out."""

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
from models.training.build_bundle import LEAST, CardText, ClinicalInputs, HeldOut, release
from tests.support.paths import ROOT

NAMES = ["youden", "sensitivity-90", "specificity-90"]
ORIGIN = CardText(
    name="test",
    version="0",
    intended_use=IntendedUse.DEMONSTRATION,
    summary="a net that learned nothing",
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
    found = load_bundle(ROOT / "models" / "bundles" / "demo").clinical
    assert found is not None
    return found


@pytest.fixture
def held_out(clinical: ClinicalModel) -> HeldOut:
    """Return 400 films, a third of them positive; three in four patients' facts are known."""
    rng = np.random.default_rng(0)
    labels = (np.arange(400) % 3 == 0).astype(float)
    known = labels - 3 + rng.normal(0, 1, 400)
    known[1::4] = np.nan
    return HeldOut(2 * labels + rng.normal(0, 1, 400), labels, ClinicalInputs(clinical, known))


@pytest.fixture
def released(tmp_path: Path, small: GridConfig, held_out: HeldOut) -> Bundle:
    """Return a bundle released with these films."""
    return _release(tmp_path, small, held_out)


def _release(path: Path, config: GridConfig, held_out: HeldOut) -> Bundle:
    return release(path, GridNet(config).eval(), held_out, (), {}, (ORIGIN, TRAINING))


def test_the_images_points_are_those_of_its_calibrated_scores(
    released: Bundle, held_out: HeldOut
) -> None:
    by = released.card.calibration
    scores = np.array([sigmoid(by.slope * logit + by.intercept) for logit in held_out.logits])
    points = released.card.operating_points
    assert [point.name for point in points] == NAMES
    assert {point.name: point.threshold for point in points} == find_thresholds(
        scores, held_out.labels > 0.5
    )
    assert released.card.operating_point.name == "youden"
    assert {point.source for point in points} == {"400 invented films"}


def test_the_combined_score_has_points_of_its_own(released: Bundle, held_out: HeldOut) -> None:
    """On the films that have both logits, and on no others."""
    assert held_out.clinical is not None
    both = np.isfinite(held_out.clinical.logits)
    pairs = zip(held_out.logits[both], held_out.clinical.logits[both], strict=True)
    part = released.card.combined
    assert part is not None
    scores = np.array([combined_probability(part, *map(float, pair)) for pair in pairs])
    assert [point.name for point in part.operating_points] == NAMES
    assert {point.name: point.threshold for point in part.operating_points} == find_thresholds(
        scores, held_out.labels[both] > 0.5
    )
    assert part.films == part.operating_points[0].films == 300
    assert "300 with age, sex, weight and height" in part.source
    image = [point.threshold for point in released.card.operating_points]
    assert [point.threshold for point in part.operating_points] != pytest.approx(image, abs=0.01)


def test_both_parts_are_written_signed_and_read_back(
    released: Bundle, clinical: ClinicalModel
) -> None:
    again = load_bundle(released.path)
    assert again.clinical == clinical
    assert again.card == released.card
    assert verify_golden(again) < 1e-4


@pytest.mark.parametrize("few", [0.0, 1.0])
def test_too_few_films_with_facts_teach_no_combined_model(
    tmp_path: Path, small: GridConfig, held_out: HeldOut, few: float
) -> None:
    """Nineteen of either class are too few, twenty are not; the clinical part stays."""
    assert held_out.clinical is not None
    for kept, fitted in ((LEAST, True), (LEAST - 1, False)):
        logits = np.array(held_out.clinical.logits)
        known = np.flatnonzero((held_out.labels == few) & np.isfinite(logits))
        logits[known[kept:]] = np.nan
        carried = replace(held_out.clinical, logits=logits)
        bundle = _release(tmp_path / str(kept), small, replace(held_out, clinical=carried))
        assert (bundle.card.combined is not None) is fitted
        assert bundle.clinical == carried.model


def test_without_a_clinical_model_the_image_stands_alone(
    tmp_path: Path, small: GridConfig, held_out: HeldOut
) -> None:
    bundle = _release(tmp_path, small, replace(held_out, clinical=None))
    assert (bundle.clinical, bundle.card.combined) == (None, None)
    assert len(bundle.card.operating_points) == 3


def test_a_net_that_says_the_same_of_every_film_is_not_released(
    tmp_path: Path, small: GridConfig, held_out: HeldOut
) -> None:
    with pytest.raises(BundleError, match=r"there is no threshold; train longer"):
        _release(tmp_path / "bundle", small, replace(held_out, logits=np.zeros(400)))
    assert not (tmp_path / "bundle").exists()
