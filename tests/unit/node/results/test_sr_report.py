"""The report contains the coded finding, measurements, comment and descriptors."""

from dataclasses import replace

import pydicom
import pytest

from models.bundle.intended_use import IntendedUse
from models.images.radiograph import FieldOfView
from node.domain.decision.prediction import (
    Decision,
    Finding,
    ModelIdentity,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.workflow.delivery import ResultReference, SrClass
from node.results.heatmap import build_heatmap
from node.results.sr_report import build_report
from tests.support.result_contexts import (
    GOOD,
    MODEL,
    POLICY,
    make_context,
    make_prediction,
    make_verdict,
)

FIELD = FieldOfView(0, 0, 400, 320)


def items_of(ds: pydicom.Dataset, meaning: str) -> list[pydicom.Dataset]:
    """Return all content items with this concept name, at any depth."""
    matches = []
    for item in ds.get("ContentSequence", []):
        names = item.get("ConceptNameCodeSequence", [])
        matches += [item] if names and names[0].CodeMeaning == meaning else []
        matches += items_of(item, meaning)
    return matches


def item_of(ds: pydicom.Dataset, meaning: str) -> pydicom.Dataset:
    """Return the only content item with this concept name."""
    (item,) = items_of(ds, meaning)
    return item


def percent_of(ds: pydicom.Dataset, meaning: str) -> float:
    """Return the value of the only measurement with this name."""
    return float(item_of(ds, meaning).MeasuredValueSequence[0].NumericValue)


def comment_of(verdict: Verdict) -> str:
    """Return the comment in the report of a verdict."""
    report = build_report(make_context(verdict=verdict), FIELD, None)
    text: str = item_of(report, "Comment").TextValue
    return text


def test_a_positive_film() -> None:
    """The report has finding, score and threshold in percent, follow-up and heatmap."""
    context = make_context()
    heatmap = build_heatmap(context, make_prediction())
    report = build_report(context, FIELD, heatmap)
    assert item_of(report, "Osteoporosis").ConceptCodeSequence[0].CodeMeaning == "Present"
    assert item_of(report, "Finding").ConceptCodeSequence[0].CodeValue == "64859006"
    assert percent_of(report, "Certainty of Finding") == pytest.approx(71.0)
    assert percent_of(report, "Decision threshold") == pytest.approx(41.0)
    follow_up = item_of(report, "Recommended Follow-up").ConceptCodeSequence[0]
    assert follow_up.CodeMeaning == "Dual energy X-ray absorptiometry"
    referenced = item_of(report, "Gradient-weighted class activation").ReferencedSOPSequence[0]
    assert referenced.ReferencedSOPInstanceUID == heatmap.SOPInstanceUID
    assert (report.CompletionFlag, report.PreliminaryFlag, report.VerificationFlag) == (
        "COMPLETE",
        "PRELIMINARY",
        "UNVERIFIED",
    )


def test_a_negative_film_names_no_finding() -> None:
    """A viewer that lists findings would display "Osteoporosis" for a negative film."""
    report = build_report(make_context(verdict=make_verdict(Finding.ABSENT)), FIELD, None)
    assert item_of(report, "Osteoporosis").ConceptCodeSequence[0].CodeMeaning == "Absent"
    assert percent_of(report, "Certainty of Finding") == pytest.approx(11.0)
    assert items_of(report, "Finding") == items_of(report, "Recommended Follow-up") == []
    assert "does not exclude osteoporosis" in item_of(report, "Comment").TextValue


def test_a_film_without_a_score() -> None:
    """The report is undetermined, without measurement; the image region is the whole film."""
    context = make_context(verdict=make_verdict(Finding.UNDETERMINED))
    report = build_report(context, None, None)
    assert item_of(report, "Osteoporosis").ConceptCodeSequence[0].CodeMeaning == "Undetermined"
    assert items_of(report, "Certainty of Finding") == items_of(report, "Decision threshold") == []
    assert "The model did not give a score." in item_of(report, "Comment").TextValue
    outline = item_of(report, "Image Region").GraphicData
    assert list(outline) == [0, 0, 320, 0, 320, 400, 0, 400, 0, 0]
    with pytest.raises(ValueError, match="has no heatmap"):
        build_report(context, None, build_heatmap(make_context(), make_prediction()))


@pytest.mark.parametrize(
    ("field", "corners"),
    [
        (FieldOfView(50, 20, 300, 200), (20, 50, 220, 350)),
        (FieldOfView(-40, -80, 480, 480), (0, 0, 320, 400)),
        (FieldOfView(900, 900, 10, 10), (0, 0, 320, 400)),
    ],
    ids=["inside", "beyond", "elsewhere"],
)
def test_the_outline_is_the_field_on_the_film(
    field: FieldOfView, corners: tuple[int, int, int, int]
) -> None:
    """The outline is a closed polyline, and no corner lies outside of the film."""
    region = item_of(build_report(make_context(), field, None), "Image Region")
    left, top, right, bottom = corners
    assert region.GraphicType == "POLYLINE"
    assert list(region.GraphicData) == [
        *(left, top, right, top, right, bottom, left, bottom, left, top)
    ]


def test_measurements_have_no_children() -> None:
    """OHIF omits the name of a measurement that has children."""
    report = build_report(make_context(), FIELD, None)
    for name in ("Certainty of Finding", "Decision threshold"):
        assert "ContentSequence" not in item_of(report, name)


def test_the_warning_of_a_demonstration_model_precedes_the_result() -> None:
    text = comment_of(make_verdict())
    for phrase in (
        "RESEARCH USE ONLY - NOT FOR DIAGNOSIS",
        "trained on simulated films",
        "Its clinical accuracy is not known.",
        "Do not use it for diagnosis.",
    ):
        assert 0 <= text.index(phrase) < text.index("Result:")


@pytest.mark.parametrize("use", [IntendedUse.RESEARCH, IntendedUse.CLEARED])
def test_only_a_cleared_model_has_no_warning(use: IntendedUse) -> None:
    verdict = make_verdict(model=replace(MODEL, intended_use=use))
    text = comment_of(verdict)
    assert ("NOT FOR DIAGNOSIS" in text) is (use is IntendedUse.RESEARCH)
    assert "simulated" not in text


@pytest.mark.parametrize(
    ("score", "percentage"),
    [(0.49996, "49.996 %"), (0.499999999, "49.9999999 %"), (0.5, "50.0 %"), (0.12345, "12.3 %")],
)
def test_a_rounded_score_stays_on_its_side_of_the_threshold(score: float, percentage: str) -> None:
    finding = Finding.PRESENT if score >= 0.5 else Finding.ABSENT
    decision = Decision(finding, 0.5, score=score, score_kind=ScoreKind.IMAGE)
    verdict = Verdict(Probability(image=score), decision, MODEL)
    report = build_report(make_context(verdict=verdict), FIELD, None)
    certainty, threshold = (
        percent_of(report, "Certainty of Finding"),
        percent_of(report, "Decision threshold"),
    )
    assert (certainty >= threshold) is (finding is Finding.PRESENT)
    assert percentage in item_of(report, "Comment").TextValue


def test_the_comment_states_the_inputs_of_the_score() -> None:
    """If the clinical model had no inputs, the report states the reason."""
    combined = Verdict(
        Probability(image=0.6, clinical=0.5, combined=0.62),
        Decision(Finding.PRESENT, 0.5, score=0.62, score_kind=ScoreKind.COMBINED),
        MODEL,
    )
    complete = comment_of(combined)
    missing = make_verdict(model=replace(MODEL, clinical="fitted on people in a survey"))
    incomplete = comment_of(missing)
    no_model = comment_of(make_verdict())
    assert "based on the image and clinical data from the film's header." in complete
    assert "No clinical score: age, sex, height or weight is missing" in incomplete
    assert "No clinical score" not in no_model


def test_a_clinical_score_that_did_not_decide_is_reported() -> None:
    """The report has the clinical score and its source, and states that it does not decide."""
    about = "fitted on people in a survey"
    decision = Decision(Finding.PRESENT, 0.5, score=0.6, score_kind=ScoreKind.IMAGE)
    verdict = Verdict(Probability(0.6, clinical=0.0714), decision, replace(MODEL, clinical=about))
    text = comment_of(verdict)
    expected = "Clinical score from age, sex, weight and height: 7.1 % (model fitted on people in"
    assert 0 < text.index("The score is based on the image only.") < text.index(expected)
    assert text.endswith("not comparable with the score above and is not used for the decision.")
    no_score = Decision(Finding.UNDETERMINED, 0.5)
    for without_clinical_score in (
        replace(verdict, probability=Probability(0.6)),
        replace(verdict, model=MODEL),
        replace(verdict, decision=no_score),
    ):
        assert "Clinical score" not in comment_of(without_clinical_score)


def test_the_parts_of_a_combined_score_are_reported() -> None:
    about = "fitted on people in a survey"
    decision = Decision(Finding.PRESENT, 0.5, score=0.62, score_kind=ScoreKind.COMBINED)
    verdict = Verdict(Probability(0.6, 0.0714, 0.62), decision, replace(MODEL, clinical=about))
    text = comment_of(verdict)
    expected = "Image score: 60.0 %. Clinical score from age, sex, weight and height: 7.1 % (model"
    assert 0 < text.index("The score of 62.0 %") < text.index(expected)
    assert text.endswith("It is not used for a decision on its own.")


def test_the_algorithm_is_named() -> None:
    """The report states name, version, parameters and device of the algorithm."""
    report = build_report(make_context(), FIELD, None)
    assert item_of(report, "Algorithm Name").TextValue == "grid-demo"
    assert item_of(report, "Algorithm Version").TextValue == "1.0.0"
    assert item_of(report, "Device Observer Serial Number").TextValue == MODEL.digest
    parameters = [item.TextValue for item in items_of(report, "Algorithm Parameters")]
    assert parameters == [
        "decision threshold = 0.41",
        "decision rule = default",
        f"policy SHA-256 = {POLICY}",
        f"bundle SHA-256 = {MODEL.digest}",
        "intended use = demonstration",
    ]
    (equipment,) = report.ContributingEquipmentSequence
    assert equipment.DeviceUID == item_of(report, "Device Observer UID").UID


def test_the_content_is_the_same_in_both_sop_classes() -> None:
    """Older archives accept Comprehensive SR only."""
    reports = [build_report(make_context(), FIELD, None, sr_class) for sr_class in SrClass]
    assert [report.SOPClassUID for report in reports] == [
        "1.2.840.10008.5.1.4.1.1.88.34",
        "1.2.840.10008.5.1.4.1.1.88.33",
    ]
    assert reports[0].ContentSequence == reports[1].ContentSequence


def test_a_new_report_refers_to_the_report_that_it_supersedes() -> None:
    earlier = ResultReference("1.2.840.10008.5.1.4.1.1.88.34", "2.25.7", "2.25.8")
    report = build_report(replace(make_context(), replaces=earlier), FIELD, None)
    (study,) = report.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == "2.25.8"
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "2.25.7"


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"ImagerPixelSpacing": "0.000\\0.000"}, "Vertical Pixel Spacing"),
        ({"ImagerPixelSpacing": "wide"}, "Horizontal Pixel Spacing"),
        ({"PatientOrientation": ""}, "Patient Orientation Row"),
        ({"PatientOrientation": "X\\Y"}, "Patient Orientation Column"),
        ({"Modality": "OT"}, "Modality"),
    ],
)
def test_an_invalid_descriptor_is_left_out(changes: dict[str, str], absent: str) -> None:
    assert items_of(build_report(make_context(), FIELD, None), absent)
    assert items_of(build_report(make_context(GOOD | changes), FIELD, None), absent) == []


def test_the_texts_of_a_model_card_are_fitted_into_their_attributes() -> None:
    """The texts of a card may be too long or contain a backslash."""
    model = ModelIdentity("m\\" * 90, "v\n" * 90, "d" * 200, IntendedUse.RESEARCH)
    report = build_report(make_context(verdict=make_verdict(model=model)), FIELD, None)
    (equipment,) = report.ContributingEquipmentSequence
    for text in (equipment.ManufacturerModelName, equipment.SoftwareVersions):
        assert len(text) <= 64
        assert "\\" not in text
