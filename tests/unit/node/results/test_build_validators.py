"""dciodvfy finds no error and only allowed warnings, and dsrdump can read the documents."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.images.radiograph import FieldOfView
from node.domain.decision.prediction import Finding
from node.domain.workflow.delivery import ResultKind, Route, SendCondition, SrClass
from node.results.build import build_results
from node.results.fonts import typeface_for
from node.results.result_context import ResultContext
from node.results.sr_report import build_report
from node.results.translations.languages import Language
from tests.support.result_contexts import (
    GOOD,
    MODEL,
    SETTINGS,
    make_context,
    make_prediction,
    make_verdict,
    real_film,
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
    # The name is short, because dciodvfy counts bytes of UTF-8 and the standard counts characters.
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


ALL_ROUTES = [
    Route("3d", (ResultKind.REPORT, ResultKind.HEATMAP, ResultKind.TEXT), SendCondition.ALWAYS),
    Route("old", (ResultKind.REPORT,), SendCondition.ALWAYS, SrClass.COMPREHENSIVE),
]


def all_remarks(context: ResultContext, folder: Path) -> list[str]:
    """Return the validators' remarks on all results of a film."""
    size = context.size
    field = FieldOfView(-10, -10, size[0] + 20, size[1] + 20)
    prediction = make_prediction(size)
    prediction = replace(prediction, heat=replace(prediction.heat, field_of_view=field))
    results = list(build_results(context, prediction, ALL_ROUTES))
    documents = [result.content for result in results if result.kind is not ResultKind.HEATMAP]
    assert len(documents) == 3
    for ds in documents:
        assert context.phrases.not_for_diagnosis in dumped(ds, folder)
    return [remark for result in results for remark in remarks(result.content, folder)]


@pytest.mark.parametrize("finding", list(Finding))
def test_each_finding_is_valid_in_each_sop_class(finding: Finding, tmp_path: Path) -> None:
    assert all_remarks(make_context(verdict=make_verdict(finding)), tmp_path) == []


@pytest.mark.tools("wqy-microhei.ttc")
@pytest.mark.parametrize("finding", list(Finding))
def test_each_finding_is_valid_in_chinese(finding: Finding, tmp_path: Path) -> None:
    language = Language.CHINESE
    settings = replace(SETTINGS, language=language, typeface=typeface_for(language, None))
    assert (
        all_remarks(make_context(verdict=make_verdict(finding), settings=settings), tmp_path) == []
    )


def test_a_report_with_a_clinical_score_is_valid(tmp_path: Path) -> None:
    """A report with a clinical score has the longest comment."""
    model = replace(MODEL, clinical="fitted on " + "a survey " * 20)
    verdict = make_verdict(model=model)
    verdict = replace(verdict, probability=replace(verdict.probability, clinical=0.07))
    assert all_remarks(make_context(verdict=verdict), tmp_path) == []


@pytest.mark.parametrize("name", POOR)
def test_results_are_valid_even_if_the_header_is_not(name: str, tmp_path: Path) -> None:
    assert all_remarks(make_context(POOR[name]), tmp_path) == []


@pytest.mark.shared_data
@pytest.mark.parametrize("finding", [Finding.PRESENT, Finding.UNDETERMINED])
@pytest.mark.parametrize("name", REAL_FILMS)
def test_a_real_film_makes_valid_results(
    name: str, finding: Finding, tmp_path: Path, shared_data: Path
) -> None:
    ds, film = real_film(shared_data / "dicom" / f"{name}.dcm")
    assert all_remarks(ResultContext(ds, film, make_verdict(finding), SETTINGS), tmp_path) == []


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "patient"), [("chrJapMulti", "やまだ^たろう"), ("chrKoreanMulti", "김희중")]
)
def test_a_name_in_iso_2022_is_written_in_unicode(
    name: str, patient: str, tmp_path: Path, shared_data: Path
) -> None:
    ds, film = real_film(shared_data / "dicom" / "headers" / f"{name}.dcm")
    report = build_report(ResultContext(ds, film, make_verdict(), SETTINGS), None, None)
    assert f"{patient} (M, 1800-01-01" in dumped(report, tmp_path)
