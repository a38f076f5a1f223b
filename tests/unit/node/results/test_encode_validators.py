"""Validators check selected cases, and `python -m tests.validators.table` runs all cases.

Each validator is also tested with an invalid object.
"""

from pathlib import Path

import pytest

from node.results.encode import to_bytes
from node.results.translations.languages import Language
from tests.validators.cases import cases
from tests.validators.film_cases import film_cases
from tests.validators.names import patient_names
from tests.validators.pixelmed import dicom_sr_validator
from tests.validators.programs import DOCUMENT_VALIDATORS, IMAGE_VALIDATORS
from tests.validators.results import build_case_results
from tests.validators.table import validate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tools(
        "dciodvfy", "dsrdump", "dsr2html", "java", "pixelmed.jar", "wqy-microhei.ttc"
    ),
]

BY_TITLE = {case.title: case for case in cases()}
FIRST = next(iter(BY_TITLE.values()))
SELECTED = [
    "positive by the combined score, ISO_IR 100, en",
    "no score, GB18030, zh",
    "positive by the clinical score, GBK, en",
    "negative, after a positive film, ISO 2022 IR 87, zh",
    "admitted with every note, GB18030, zh",
    "not analysed: study, ISO 2022 IR 149, en",
    "none of these, no patient, no date, no character set, en",
    "MONOCHROME1, ISO 2022 IR 58, zh",
]


def test_cases_combine_every_film_name_and_language() -> None:
    assert len(BY_TITLE) == len(film_cases()) * len(patient_names()) * len(Language)


@pytest.mark.parametrize("title", SELECTED)
def test_no_validator_has_a_remark_on_any_result(title: str) -> None:
    assert validate(BY_TITLE[title]) == {name: [] for name in DOCUMENT_VALIDATORS}


def test_every_validator_reports_an_invalid_report(tmp_path: Path) -> None:
    report = next(iter(build_case_results(FIRST, tmp_path))).content
    del report.CompletionFlag
    report.ContentSequence[1].ValueType = "NONSENSE"
    path = tmp_path / "broken.dcm"
    path.write_bytes(to_bytes(report))
    without_remarks = [name for name, check in DOCUMENT_VALIDATORS.items() if not check(path)]
    assert without_remarks == []


def test_the_template_validator_reports_a_misplaced_code(tmp_path: Path) -> None:
    """The template allows three additional items, and only in one group."""
    report = next(iter(build_case_results(FIRST, tmp_path))).content
    report.ContentSequence.append(report.ContentSequence[-1].ContentSequence[0].ContentSequence[-2])
    path = tmp_path / "broken.dcm"
    path.write_bytes(to_bytes(report))
    assert dicom_sr_validator(path) != []


def test_the_image_validator_reports_an_invalid_heatmap(tmp_path: Path) -> None:
    heatmap = next(
        result for result in build_case_results(FIRST, tmp_path) if result.variant is None
    ).content
    del heatmap.PhotometricInterpretation
    path = tmp_path / "broken.dcm"
    path.write_bytes(to_bytes(heatmap))
    assert all(check(path) != [] for check in IMAGE_VALIDATORS.values())
