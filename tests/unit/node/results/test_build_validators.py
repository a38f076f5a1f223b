"""The judges: dciodvfy finds no error and no warning but the allowed, and dsrdump can read it."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.images.radiograph import FieldOfView
from node.domain.decision.prediction import Finding
from node.domain.workflow.delivery import ResultKind, Route, SendCondition, SrClass
from node.results.build import build_results
from node.results.fonts import typeface_for
from node.results.result_context import Subject
from node.results.sr_report import build_report
from node.results.translations.languages import Language
from tests.support.result_subjects import (
    GOOD,
    MODEL,
    SETTINGS,
    prediction,
    real_film,
    subject,
    verdict,
)
from tests.support.validators import dumped, remarks

pytestmark = pytest.mark.tools("dciodvfy", "dsrdump")

REAL_FILMS = (
    "chest/CR_siim_nih_PA_62M",
    "chest/RG1_J2KR",
    "chest/RG1_JLSN",
    "chest/RG1_UNCR",
    "chest/udacity_test1",
    "chest/udacity_test4",
    "headers/chrJapMulti",
    "headers/chrKoreanMulti",
)
POOR: dict[str, dict[str, str | bytes]] = {
    "empty": {},
    "invalid": GOOD
    | {
        "StudyDate": "20240231",
        "StudyTime": "99",
        "PatientBirthDate": "unknown",
        "PatientSex": "FEMALE",
        "PatientAge": "74",
        "ImagerPixelSpacing": "0.000\\0.000",
        "PatientOrientation": "up",
        "FrameOfReferenceUID": "1.2.03",
        "TimezoneOffsetFromUTC": "MEZ",
        "LossyImageCompression": "1",
    },
    "overlong": GOOD | dict.fromkeys(("PatientID", "StudyID", "AccessionNumber"), "X" * 200),
    # Short, since dciodvfy counts bytes of UTF-8 where the standard counts characters.
    "binary": GOOD | dict.fromkeys(("PatientName", "PatientID", "StudyID"), b"\x00\xff\x1b\\" * 5),
    "html": GOOD | {"PatientName": "<b>&amp;</b>^<script>", "StudyDescription": "<i>" * 30},
    "lossy": GOOD | {"LossyImageCompression": "01"},
    "complete": GOOD
    | {
        "IssuerOfPatientID": "HOSPITAL",
        "FrameOfReferenceUID": "1.2.840.1",
        "TimezoneOffsetFromUTC": "+0100",
        "ReferringPhysicianName": "House^Gregory",
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "by hand",
    },
}


EVERYTHING = [
    Route("3d", (ResultKind.REPORT, ResultKind.HEATMAP, ResultKind.TEXT), SendCondition.ALWAYS),
    Route("old", (ResultKind.REPORT,), SendCondition.ALWAYS, SrClass.COMPREHENSIVE),
]


def judged(scored: Subject, folder: Path) -> list[str]:
    """Return every remark on all objects of a film, having read its documents' whole text."""
    size = scored.size
    field = FieldOfView(-10, -10, size[0] + 20, size[1] + 20)
    seen = replace(prediction(size), heat=replace(prediction(size).heat, field_of_view=field))
    built = list(build_results(scored, seen, EVERYTHING))
    documents = [one.content for one in built if one.kind is not ResultKind.HEATMAP]
    assert len(documents) == 3
    for ds in documents:
        assert scored.phrases.not_for_diagnosis in dumped(ds, folder)
    return [remark for one in built for remark in remarks(one.content, folder)]


@pytest.mark.parametrize("finding", list(Finding))
def test_every_finding_is_valid_in_every_class(finding: Finding, tmp_path: Path) -> None:
    """Positive, negative and undetermined, in each of the SOP Classes that a report can have."""
    assert judged(subject(made=verdict(finding)), tmp_path) == []


@pytest.mark.tools("wqy-microhei.ttc")
@pytest.mark.parametrize("finding", list(Finding))
def test_every_finding_in_chinese(finding: Finding, tmp_path: Path) -> None:
    """Code meanings, comment and legend in another language are as valid."""
    language = Language.CHINESE
    settings = replace(SETTINGS, language=language, typeface=typeface_for(language, None))
    assert judged(subject(made=verdict(finding), settings=settings), tmp_path) == []


def test_a_report_with_a_clinical_score_is_valid(tmp_path: Path) -> None:
    """Its comment is the longest there is."""
    model = replace(MODEL, clinical="fitted on " + "somebody " * 20)
    made = verdict(model=model)
    made = replace(made, probability=replace(made.probability, clinical=0.07))
    assert judged(subject(made=made), tmp_path) == []


@pytest.mark.parametrize("name", POOR)
def test_a_poor_header_makes_valid_results(name: str, tmp_path: Path) -> None:
    """Whatever the film's header is like, the results are valid."""
    assert judged(subject(POOR[name]), tmp_path) == []


@pytest.mark.shared_data
@pytest.mark.parametrize("finding", [Finding.PRESENT, Finding.UNDETERMINED])
@pytest.mark.parametrize("name", REAL_FILMS)
def test_a_real_film_makes_valid_results(
    name: str, finding: Finding, tmp_path: Path, shared_data: Path
) -> None:
    """Films from real archives, with the faults that real archives have."""
    ds, film = real_film(shared_data / "dicom" / f"{name}.dcm")
    assert judged(Subject(ds, film, verdict(finding), SETTINGS), tmp_path) == []


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "patient"), [("chrJapMulti", "やまだ^たろう"), ("chrKoreanMulti", "김희중")]
)
def test_a_real_name_arrives_in_unicode(
    name: str, patient: str, tmp_path: Path, shared_data: Path
) -> None:
    """A name in ISO 2022 is read right by a program that is not ours."""
    ds, film = real_film(shared_data / "dicom" / "headers" / f"{name}.dcm")
    report = build_report(Subject(ds, film, verdict(), SETTINGS), None, None)
    assert f"{patient} (M, 1800-01-01" in dumped(report, tmp_path)
