"""The report's content: what a radiologist, and a program, reads in it."""

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
from tests.support.result_subjects import GOOD, MODEL, POLICY, prediction, subject, verdict

FIELD = FieldOfView(0, 0, 400, 320)


def items(ds: pydicom.Dataset, meaning: str) -> list[pydicom.Dataset]:
    """Return every content item of this concept name, wherever it stands in the tree."""
    found = []
    for item in ds.get("ContentSequence", []):
        names = item.get("ConceptNameCodeSequence", [])
        found += [item] if names and names[0].CodeMeaning == meaning else []
        found += items(item, meaning)
    return found


def one(ds: pydicom.Dataset, meaning: str) -> pydicom.Dataset:
    """Return the only content item of this concept name."""
    (item,) = items(ds, meaning)
    return item


def number(ds: pydicom.Dataset, meaning: str) -> float:
    """Return the value of the only measurement of this name."""
    return float(one(ds, meaning).MeasuredValueSequence[0].NumericValue)


def test_a_positive_film() -> None:
    """Present, with score and threshold in percent, a follow-up, and the finding by name."""
    scored = subject()
    heatmap = build_heatmap(scored, prediction())
    report = build_report(scored, FIELD, heatmap)
    assert one(report, "Osteoporosis").ConceptCodeSequence[0].CodeMeaning == "Present"
    assert one(report, "Finding").ConceptCodeSequence[0].CodeValue == "64859006"
    assert number(report, "Certainty of Finding") == pytest.approx(71.0)
    assert number(report, "Decision threshold") == pytest.approx(41.0)
    follow_up = one(report, "Recommended Follow-up").ConceptCodeSequence[0]
    assert follow_up.CodeMeaning == "Dual energy X-ray absorptiometry"
    shown = one(report, "Gradient-weighted class activation").ReferencedSOPSequence[0]
    assert shown.ReferencedSOPInstanceUID == heatmap.SOPInstanceUID
    assert (report.CompletionFlag, report.PreliminaryFlag, report.VerificationFlag) == (
        "COMPLETE",
        "PRELIMINARY",
        "UNVERIFIED",
    )


def test_a_negative_film_names_no_finding() -> None:
    """A viewer that lists findings must not show "Osteoporosis" for a film that is clear of it."""
    report = build_report(subject(made=verdict(Finding.ABSENT)), FIELD, None)
    assert one(report, "Osteoporosis").ConceptCodeSequence[0].CodeMeaning == "Absent"
    assert number(report, "Certainty of Finding") == pytest.approx(11.0)
    assert items(report, "Finding") == items(report, "Recommended Follow-up") == []
    assert "does not exclude osteoporosis" in one(report, "Comment").TextValue


def test_a_film_without_a_score() -> None:
    """Undetermined, without measurement and heatmap; the image region is the whole film."""
    made = verdict(Finding.UNDETERMINED)
    report = build_report(subject(made=made), None, None)
    assert one(report, "Osteoporosis").ConceptCodeSequence[0].CodeMeaning == "Undetermined"
    assert items(report, "Certainty of Finding") == items(report, "Decision threshold") == []
    assert "The model did not give a score." in one(report, "Comment").TextValue
    outline = one(report, "Image Region").GraphicData
    assert list(outline) == [0, 0, 320, 0, 320, 400, 0, 400, 0, 0]
    with pytest.raises(ValueError, match="has no heatmap"):
        build_report(subject(made=made), None, build_heatmap(subject(), prediction()))


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
    """A closed polyline in column and row, clipped to the film."""
    region = one(build_report(subject(), field, None), "Image Region")
    left, top, right, bottom = corners
    assert region.GraphicType == "POLYLINE"
    assert list(region.GraphicData) == [
        *(left, top, right, top, right, bottom, left, bottom, left, top)
    ]


def test_measurements_have_no_children() -> None:
    """OHIF drops the name of a measurement that has children."""
    report = build_report(subject(), FIELD, None)
    for name in ("Certainty of Finding", "Decision threshold"):
        assert "ContentSequence" not in one(report, name)


def test_a_demonstration_model_says_so_first() -> None:
    """Simulated training films, no known accuracy, not for diagnosis: before the result."""
    text = one(build_report(subject(), FIELD, None), "Comment").TextValue
    for words in (
        "RESEARCH USE ONLY - NOT FOR DIAGNOSIS",
        "trained on simulated films",
        "Its clinical accuracy is not known.",
        "Do not use it for diagnosis.",
    ):
        assert 0 <= text.index(words) < text.index("Result:")


@pytest.mark.parametrize("use", [IntendedUse.RESEARCH, IntendedUse.CLEARED])
def test_the_intended_use_decides_on_the_warning(use: IntendedUse) -> None:
    """Only a cleared model goes without the warning; only a demonstration is simulated."""
    made = verdict(model=replace(MODEL, intended_use=use))
    text = one(build_report(subject(made=made), FIELD, None), "Comment").TextValue
    assert ("NOT FOR DIAGNOSIS" in text) is (use is IntendedUse.RESEARCH)
    assert "simulated" not in text


@pytest.mark.parametrize(
    ("score", "shown"),
    [(0.49996, "49.996 %"), (0.499999999, "49.9999999 %"), (0.5, "50.0 %"), (0.12345, "12.3 %")],
)
def test_a_score_never_reads_as_on_the_other_side_of_its_threshold(
    score: float, shown: str
) -> None:
    """Rounding keeps as many digits as it takes to tell score and threshold apart."""
    finding = Finding.PRESENT if score >= 0.5 else Finding.ABSENT
    decision = Decision(finding, 0.5, score=score, score_kind=ScoreKind.IMAGE)
    made = Verdict(Probability(image=score), decision, MODEL)
    report = build_report(subject(made=made), FIELD, None)
    certainty, threshold = (
        number(report, "Certainty of Finding"),
        number(report, "Decision threshold"),
    )
    assert (certainty >= threshold) is (finding is Finding.PRESENT)
    assert shown in one(report, "Comment").TextValue


def test_the_comment_says_what_the_score_rests_on() -> None:
    """If the clinical model had no inputs, the report states why."""
    combined = Verdict(
        Probability(image=0.6, clinical=0.5, combined=0.62),
        Decision(Finding.PRESENT, 0.5, score=0.62, score_kind=ScoreKind.COMBINED),
        MODEL,
    )
    with_facts = one(build_report(subject(made=combined), FIELD, None), "Comment").TextValue
    missing = verdict(model=replace(MODEL, clinical="fitted on people in a survey"))
    without = one(build_report(subject(made=missing), FIELD, None), "Comment").TextValue
    no_model = one(build_report(subject(), FIELD, None), "Comment").TextValue
    assert "based on the image and clinical data from the film's header." in with_facts
    assert "No clinical score: age, sex, height or weight is missing" in without
    assert "No clinical score" not in no_model


def test_a_clinical_score_that_decided_nothing_is_said_to_be_that() -> None:
    """The report states its value, its source, and that it is not used for the decision."""
    about = "fitted on people in a survey"
    decision = Decision(Finding.PRESENT, 0.5, score=0.6, score_kind=ScoreKind.IMAGE)
    made = Verdict(Probability(0.6, clinical=0.0714), decision, replace(MODEL, clinical=about))
    text = one(build_report(subject(made=made), FIELD, None), "Comment").TextValue
    told = "Clinical score from age, sex, weight and height: 7.1 %, by a model fitted on people in"
    assert 0 < text.index("The score is based on the image only.") < text.index(told)
    assert text.endswith("not comparable with the score above and is not used for the decision.")
    nothing = Decision(Finding.UNDETERMINED, 0.5)
    for other in (
        replace(made, probability=Probability(0.6)),
        replace(made, model=MODEL),
        replace(made, decision=nothing),
    ):
        without = one(build_report(subject(made=other), FIELD, None), "Comment").TextValue
        assert "Clinical score" not in without


def test_a_combined_score_is_told_with_its_parts() -> None:
    """The report states image score and clinical score, and that the latter decides nothing."""
    about = "fitted on people in a survey"
    decision = Decision(Finding.PRESENT, 0.5, score=0.62, score_kind=ScoreKind.COMBINED)
    made = Verdict(Probability(0.6, 0.0714, 0.62), decision, replace(MODEL, clinical=about))
    text = one(build_report(subject(made=made), FIELD, None), "Comment").TextValue
    told = "Image score: 60.0 %. Clinical score from age, sex, weight and height: 7.1 %, by a model"
    assert 0 < text.index("The score of 62.0 %") < text.index(told)
    assert text.endswith("It is not used for a decision on its own.")


def test_the_algorithm_is_named() -> None:
    """Name, version, threshold, digest of the bundle, and the family of algorithms."""
    report = build_report(subject(), FIELD, None)
    assert one(report, "Algorithm Name").TextValue == "grid-demo"
    assert one(report, "Algorithm Version").TextValue == "1.0.0"
    assert one(report, "Device Observer Serial Number").TextValue == MODEL.digest
    parameters = [item.TextValue for item in items(report, "Algorithm Parameters")]
    assert parameters == [
        "decision threshold = 0.41",
        "decision rule = default",
        f"policy SHA-256 = {POLICY}",
        f"bundle SHA-256 = {MODEL.digest}",
        "intended use = demonstration",
    ]
    (equipment,) = report.ContributingEquipmentSequence
    assert equipment.DeviceUID == one(report, "Device Observer UID").UID


def test_the_content_is_the_same_in_both_sop_classes() -> None:
    """Older archives take Comprehensive SR; nothing is lost in it."""
    reports = [build_report(subject(), FIELD, None, one) for one in SrClass]
    assert [report.SOPClassUID for report in reports] == [
        "1.2.840.10008.5.1.4.1.1.88.34",
        "1.2.840.10008.5.1.4.1.1.88.33",
    ]
    assert reports[0].ContentSequence == reports[1].ContentSequence


def test_a_new_report_names_the_one_it_replaces() -> None:
    """Predecessor Documents Sequence points to the earlier report in the same study."""
    earlier = ResultReference("1.2.840.10008.5.1.4.1.1.88.34", "2.25.7", "2.25.8")
    report = build_report(replace(subject(), replaces=earlier), FIELD, None)
    (study,) = report.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == "2.25.8"
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "2.25.7"


@pytest.mark.parametrize(
    ("changed", "absent"),
    [
        ({"ImagerPixelSpacing": "0.000\\0.000"}, "Vertical Pixel Spacing"),
        ({"ImagerPixelSpacing": "wide"}, "Horizontal Pixel Spacing"),
        ({"PatientOrientation": ""}, "Patient Orientation Row"),
        ({"PatientOrientation": "X\\Y"}, "Patient Orientation Column"),
        ({"Modality": "OT"}, "Modality"),
    ],
)
def test_what_the_header_does_not_tell_is_left_out(changed: dict[str, str], absent: str) -> None:
    """The Image Library describes the film as far as its header is to be believed."""
    assert items(build_report(subject(), FIELD, None), absent)
    assert items(build_report(subject(GOOD | changed), FIELD, None), absent) == []


def test_a_model_card_cannot_break_the_report() -> None:
    """Names beyond the standard's lengths, or with its delimiters, are fitted in."""
    model = ModelIdentity("m\\" * 90, "v\n" * 90, "d" * 200, IntendedUse.RESEARCH)
    report = build_report(subject(made=verdict(model=model)), FIELD, None)
    (equipment,) = report.ContributingEquipmentSequence
    for text in (equipment.ManufacturerModelName, equipment.SoftwareVersions):
        assert len(text) <= 64
        assert "\\" not in text
