"""The bundle behind the Predictor port: what the analyst may rely on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from models.bundle.combined import Combined
from models.bundle.intended_use import IntendedUse
from models.bundle.operating_points import OperatingPoint
from models.images.radiograph import Radiograph
from node.demo.run import SHIPPED_FILM
from node.domain.decision.thresholds import Thresholds
from node.domain.errors import Misconfigured, Permanent, Rejected
from node.domain.radiograph.film import Film
from node.domain.radiograph.pixels import Case
from node.header.read import read_film
from node.inference import predictor
from node.inference.operating_points import folder_of
from node.inference.predictor import BundlePredictor, load


@pytest.fixture(scope="module")
def shipped() -> BundlePredictor:
    """Return the shipped bundle, loaded on the processor."""
    return load("demo", "cpu", 0)


@pytest.fixture(scope="module")
def alone(shipped: BundlePredictor) -> BundlePredictor:
    """Return the shipped bundle with the image's Youden point alone."""
    card = shipped._bundle.card
    changed = card.model_copy(
        update={"operating_points": card.operating_points[:1], "combined": None}
    )
    return BundlePredictor(replace(shipped._bundle, card=changed))


@pytest.fixture(scope="module")
def case(shipped: BundlePredictor) -> Case:
    """Return the shipped film: a woman of 67 with weight and height."""
    return Case(read_film(SHIPPED_FILM, "MODALITY"), shipped.decode(SHIPPED_FILM))


def with_facts(case: Case, **facts: float | str | None) -> Film:
    """Return the film with other facts in its header."""
    return replace(case.film, **facts)


def with_combined(shipped: BundlePredictor, *points: OperatingPoint) -> BundlePredictor:
    """Return the shipped bundle with a combined part that has these operating points."""
    part = Combined(
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


def test_the_shipped_model_calls_itself_a_demonstration(shipped: BundlePredictor) -> None:
    """Whoever reads a result can tell which model spoke, and for what use."""
    assert shipped.identity.intended_use is IntendedUse.DEMONSTRATION
    assert len(shipped.identity.digest) == 64
    assert "NHANES" in shipped.identity.clinical


def test_a_film_is_scored_alike_alone_and_in_company(shipped: BundlePredictor, case: Case) -> None:
    """A batch is a matter of speed, never of the score."""
    mirrored = Radiograph(np.ascontiguousarray(case.shown.pixels[:, ::-1]), case.shown.aspect)
    [alone] = shipped.predict([case])
    together = shipped.predict([Case(case.film, mirrored), case])
    assert together[1].probability.image == pytest.approx(alone.probability.image, abs=1e-5)
    assert together[0].probability.image != pytest.approx(alone.probability.image, abs=1e-5)


def test_facts_give_a_clinical_score_and_leave_the_images_alone(
    shipped: BundlePredictor, case: Case
) -> None:
    """Each film gets the score of its own facts, and a combined one that follows them."""
    lighter = Case(with_facts(case, weight_kg=45.0), case.shown)
    one, other = (prediction.probability for prediction in shipped.predict([case, lighter]))
    assert one.clinical is not None
    assert other.clinical is not None
    assert 0 < one.clinical < other.clinical < 1
    assert one.image == pytest.approx(other.image, abs=1e-6)
    assert one.combined is not None
    assert other.combined is not None
    assert 0 < one.combined < other.combined < 1


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
def test_a_fact_missing_or_out_of_range_costs_the_clinical_score_alone(
    shipped: BundlePredictor, case: Case, facts: dict[str, float | str | None]
) -> None:
    """None is guessed, and the image is scored as ever."""
    bare = Case(with_facts(case, **facts), case.shown)
    [prediction], [whole] = shipped.predict([bare]), shipped.predict([case])
    assert prediction.probability.clinical is None
    assert prediction.probability.image == pytest.approx(whole.probability.image, abs=1e-6)


def test_a_bundle_with_a_combined_part_combines_where_there_are_facts(
    shipped: BundlePredictor, case: Case
) -> None:
    """From the net's own logit and the clinical one; without facts the image stands alone."""
    bundle, combining = shipped._bundle, with_combined(shipped)
    bare = Case(with_facts(case, sex=""), case.shown)
    whole, without = (one.probability for one in combining.predict([case, bare]))
    calibration = bundle.card.calibration
    [image, clinical, combined] = (
        np.log(p / (1 - p)) for p in (whole.image, whole.clinical, whole.combined)
    )
    raw = (image - calibration.intercept) / calibration.slope
    assert combined == pytest.approx(raw + 2 * clinical + 0.5, abs=1e-4)
    assert (without.clinical, without.combined) == (None, None)
    assert without.image == pytest.approx(whole.image, abs=1e-6)


def test_the_rendering_is_the_film_as_it_is_displayed(shipped: BundlePredictor, case: Case) -> None:
    """Rows and columns of the film, grey, bone bright."""
    [prediction] = shipped.predict([case])
    ds = dcmread(SHIPPED_FILM, stop_before_pixels=True)
    assert prediction.grey.shape == (ds.Rows, ds.Columns)
    np.testing.assert_allclose(prediction.grey / 255, case.shown.pixels, atol=1 / 255)
    assert prediction.heat.values.min() >= 0


def test_a_blank_film_is_rejected_not_scored(shipped: BundlePredictor, tmp_path: Path) -> None:
    """A net would give it a confident number."""
    ds = dcmread(SHIPPED_FILM)
    ds.decompress()
    ds.PixelData = bytes(len(ds.PixelData))
    ds.save_as(tmp_path / "blank.dcm")
    with pytest.raises(Rejected) as refused:
        shipped.decode(tmp_path / "blank.dcm")
    assert refused.value.reason == "pixels"


def test_a_damaged_file_is_permanent(shipped: BundlePredictor, tmp_path: Path) -> None:
    """Trying again reads the same bytes."""
    (tmp_path / "damaged.dcm").write_bytes(b"no DICOM at all")
    with pytest.raises(Permanent, match="damaged"):
        shipped.decode(tmp_path / "damaged.dcm")


def test_a_score_that_is_no_number_is_an_error(
    shipped: BundlePredictor, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither present nor absent may be said on a NaN."""
    scored = predictor.scoring.score

    def broken(*arguments: object) -> list[object]:
        return [replace(one, probability=float("nan")) for one in scored(*arguments)]

    monkeypatch.setattr(predictor.scoring, "score", broken)
    with pytest.raises(Permanent, match="no finite score"):
        shipped.predict([case])


def test_thresholds_are_numbers_or_names_of_the_card(alone: BundlePredictor) -> None:
    """A name that the card does not have is a matter of configuration."""
    youden = alone._bundle.card.operating_point.threshold
    assert alone.threshold(0.3) == Thresholds.same(0.3)
    assert alone.threshold("youden") == Thresholds(image=youden, combined=youden)
    with pytest.raises(Misconfigured, match=r"policy\.threshold.*'lucky'.*youden"):
        alone.threshold("lucky")


def test_a_name_is_another_threshold_on_each_score(alone: BundlePredictor) -> None:
    """A number is the same on both, since that is what was written."""
    both = with_combined(alone, point("youden", 0.12), point("sensitivity-90", 0.05))
    image = alone._bundle.card.operating_point.threshold
    assert both.threshold("youden") == Thresholds(image=image, combined=0.12)
    assert both.threshold(0.3) == Thresholds.same(0.3)


def test_a_name_that_one_score_lacks_is_refused_with_what_there_is(
    alone: BundlePredictor,
) -> None:
    """Half a policy would hold one score to a threshold that nobody chose."""
    other = with_combined(alone, point("sensitivity-90", 0.05), point("specificity-90", 0.4))
    with pytest.raises(
        Misconfigured,
        match=r"policy\.threshold: the combined part .*'youden', only sensitivity-90, specificity",
    ):
        other.threshold("youden")
    with pytest.raises(Misconfigured, match=r"model card has no 'sensitivity-90', only youden"):
        other.threshold("sensitivity-90")
    with pytest.raises(Misconfigured, match=r"combined part .* no other either: set a number"):
        with_combined(alone).threshold("youden")


def test_a_bundle_that_was_tampered_with_does_not_load(tmp_path: Path) -> None:
    """One bit of the weights, and the digest tells."""
    for file in folder_of("demo").rglob("*"):
        if file.is_file():
            copy = tmp_path / file.relative_to(folder_of("demo"))
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    weights = tmp_path / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"model\.bundle"):
        load(str(tmp_path), "cpu", 0)
