"""`BundlePredictor` gives scores, thresholds and errors of a loaded bundle."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from models.bundle.combined import CombinedModel
from models.bundle.intended_use import IntendedUse
from models.bundle.operating_points import OperatingPoint
from models.images.radiograph import Radiograph
from node.demo.run import SHIPPED_FILM
from node.domain.decision.thresholds import Thresholds
from node.domain.errors import Misconfigured, Permanent, Rejected
from node.domain.radiograph.case import Case
from node.domain.radiograph.film import Film
from node.header.read import read_film
from node.inference import predictor
from node.inference.card_summary import bundle_folder
from node.inference.predictor import BundlePredictor, load


@pytest.fixture(scope="module")
def shipped() -> BundlePredictor:
    """Return the shipped bundle, loaded on the CPU."""
    return load("demo", "cpu", 0)


@pytest.fixture(scope="module")
def image_only(shipped: BundlePredictor) -> BundlePredictor:
    """Return the shipped bundle without a combined part and with one operating point."""
    card = shipped._bundle.card
    changed = card.model_copy(
        update={"operating_points": card.operating_points[:1], "combined": None}
    )
    return BundlePredictor(replace(shipped._bundle, card=changed))


@pytest.fixture(scope="module")
def case(shipped: BundlePredictor) -> Case:
    """Return the shipped film of a woman of 67; its header has weight and height."""
    return Case(read_film(SHIPPED_FILM, "MODALITY"), shipped.decode(SHIPPED_FILM))


def with_facts(case: Case, **facts: float | str | None) -> Film:
    """Return the film's header facts with some of them replaced."""
    return replace(case.film, **facts)


def with_combined(shipped: BundlePredictor, *points: OperatingPoint) -> BundlePredictor:
    """Return the shipped bundle with a combined part that has these operating points."""
    part = CombinedModel(
        image=1,
        clinical=2,
        intercept=0.5,
        films=2,
        positives=1,
        source="invented",
        operating_points=points,
    )
    card = shipped._bundle.card.model_copy(update={"combined": part})
    return BundlePredictor(replace(shipped._bundle, card=card))


def point(name: str, threshold: float) -> OperatingPoint:
    """Return an operating point."""
    return OperatingPoint(
        name=name,
        threshold=threshold,
        sensitivity=1,
        specificity=1,
        films=2,
        positives=1,
        source="invented",
    )


def test_the_shipped_bundle_is_for_demonstration(shipped: BundlePredictor) -> None:
    assert shipped.identity.intended_use is IntendedUse.DEMONSTRATION
    assert len(shipped.identity.digest) == 64
    assert "NHANES" in shipped.identity.clinical


def test_the_score_of_a_film_does_not_depend_on_its_batch(
    shipped: BundlePredictor, case: Case
) -> None:
    mirrored = Radiograph(
        np.ascontiguousarray(case.radiograph.pixels[:, ::-1]), case.radiograph.aspect
    )
    [alone] = shipped.predict([case])
    together = shipped.predict([Case(case.film, mirrored), case])
    assert together[1].probability.image == pytest.approx(alone.probability.image, abs=1e-5)
    assert together[0].probability.image != pytest.approx(alone.probability.image, abs=1e-5)


def test_clinical_facts_change_the_clinical_and_the_combined_score_only(
    shipped: BundlePredictor, case: Case
) -> None:
    """A lower weight raises the clinical and the combined score."""
    lighter = Case(with_facts(case, weight_kg=45.0), case.radiograph)
    first, second = (prediction.probability for prediction in shipped.predict([case, lighter]))
    assert first.clinical is not None
    assert second.clinical is not None
    assert 0 < first.clinical < second.clinical < 1
    assert first.image == pytest.approx(second.image, abs=1e-6)
    assert first.combined is not None
    assert second.combined is not None
    assert 0 < first.combined < second.combined < 1


@pytest.mark.parametrize(
    "facts",
    [
        {"age_years": None},
        {"age_years": 45.0},
        {"sex": ""},
        {"weight_kg": None},
        {"height_cm": 1.6},
    ],
)
def test_without_a_valid_fact_a_film_has_no_clinical_score(
    shipped: BundlePredictor, case: Case, facts: dict[str, float | str | None]
) -> None:
    """Without a valid clinical fact, the image score stays the same."""
    bare = Case(with_facts(case, **facts), case.radiograph)
    [prediction], [whole] = shipped.predict([bare]), shipped.predict([case])
    assert prediction.probability.clinical is None
    assert prediction.probability.image == pytest.approx(whole.probability.image, abs=1e-6)


def test_the_combined_score_is_computed_from_both_logits(
    shipped: BundlePredictor, case: Case
) -> None:
    """The combined score uses the image logit before calibration, and needs clinical facts."""
    bundle, combining = shipped._bundle, with_combined(shipped)
    bare = Case(with_facts(case, sex=""), case.radiograph)
    whole, without = (prediction.probability for prediction in combining.predict([case, bare]))
    calibration = bundle.card.calibration
    [image, clinical, combined] = (
        np.log(p / (1 - p)) for p in (whole.image, whole.clinical, whole.combined)
    )
    raw = (image - calibration.intercept) / calibration.slope
    assert combined == pytest.approx(raw + 2 * clinical + 0.5, abs=1e-4)
    assert (without.clinical, without.combined) == (None, None)
    assert without.image == pytest.approx(whole.image, abs=1e-6)


def test_grey_is_the_film_as_displayed(shipped: BundlePredictor, case: Case) -> None:
    """The grey image has the rows and columns of the film, and bone is bright."""
    [prediction] = shipped.predict([case])
    ds = dcmread(SHIPPED_FILM, stop_before_pixels=True)
    assert prediction.grey.shape == (ds.Rows, ds.Columns)
    np.testing.assert_allclose(prediction.grey / 255, case.radiograph.pixels, atol=1 / 255)
    assert prediction.heat.values.min() >= 0


def test_a_blank_film_is_rejected(shipped: BundlePredictor, tmp_path: Path) -> None:
    """The model would give even a blank film a score."""
    ds = dcmread(SHIPPED_FILM)
    ds.decompress()
    ds.PixelData = bytes(len(ds.PixelData))
    ds.save_as(tmp_path / "blank.dcm")
    with pytest.raises(Rejected) as rejected:
        shipped.decode(tmp_path / "blank.dcm")
    assert rejected.value.reason == "pixels"


def test_a_damaged_file_is_permanent(shipped: BundlePredictor, tmp_path: Path) -> None:
    """Another attempt would read the same damaged bytes."""
    (tmp_path / "damaged.dcm").write_bytes(b"no DICOM at all")
    with pytest.raises(Permanent, match="damaged"):
        shipped.decode(tmp_path / "damaged.dcm")


def test_a_score_that_is_not_finite_is_an_error(
    shipped: BundlePredictor, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = predictor.scoring.score

    def broken(*arguments: object) -> list[object]:
        return [replace(score, probability=float("nan")) for score in scored(*arguments)]

    monkeypatch.setattr(predictor.scoring, "score", broken)
    with pytest.raises(Permanent, match="no finite score"):
        shipped.predict([case])


def test_a_threshold_is_a_number_or_an_operating_point_of_the_card(
    image_only: BundlePredictor,
) -> None:
    """A threshold that is neither a number nor an operating point is a configuration error."""
    youden = image_only._bundle.card.operating_point.threshold
    assert image_only.thresholds(0.3) == Thresholds.uniform(0.3)
    assert image_only.thresholds("youden") == Thresholds(image=youden, combined=youden)
    with pytest.raises(Misconfigured, match=r"policy\.threshold.*'lucky'.*youden"):
        image_only.thresholds("lucky")


def test_an_operating_point_has_a_threshold_for_each_score(image_only: BundlePredictor) -> None:
    """A threshold that is a number applies to both scores."""
    both = with_combined(image_only, point("youden", 0.12), point("sensitivity-90", 0.05))
    image = image_only._bundle.card.operating_point.threshold
    assert both.thresholds("youden") == Thresholds(image=image, combined=0.12)
    assert both.thresholds(0.3) == Thresholds.uniform(0.3)


def test_the_error_for_an_unknown_name_lists_the_operating_points(
    image_only: BundlePredictor,
) -> None:
    """An operating point must exist for the image score and for the combined score."""
    other = with_combined(image_only, point("sensitivity-90", 0.05), point("specificity-90", 0.4))
    with pytest.raises(
        Misconfigured,
        match=r"policy\.threshold: .*combined part .*'youden'; use one of sensitivity-90, spec",
    ):
        other.thresholds("youden")
    with pytest.raises(
        Misconfigured,
        match=r"card has no operating point 'sensitivity-90'; use one of youden",
    ):
        other.thresholds("sensitivity-90")
    with pytest.raises(
        Misconfigured, match=r"combined part .* has no operating point 'youden'; set a number"
    ):
        with_combined(image_only).thresholds("youden")


def test_a_changed_bundle_is_not_loaded(tmp_path: Path) -> None:
    """A single changed bit of the weights changes the digest of the bundle."""
    for file in bundle_folder("demo").rglob("*"):
        if file.is_file():
            copy = tmp_path / file.relative_to(bundle_folder("demo"))
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    weights = tmp_path / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"model\.bundle"):
        load(str(tmp_path), "cpu", 0)
