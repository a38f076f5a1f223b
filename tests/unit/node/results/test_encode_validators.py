"""The validators on the cases that differ most; `python -m tests.validators.table` runs all.

A judge that says nothing of a broken object would be no judge: each is shown one.
"""

from pathlib import Path

import pytest

from node.results.encode import to_bytes
from node.results.translations.languages import Language
from tests.validators.cases import cases
from tests.validators.film_cases import films
from tests.validators.judges import DOCUMENT_JUDGES, IMAGE_JUDGES
from tests.validators.names import names
from tests.validators.pixelmed import dicom_sr_validator
from tests.validators.results import results_of
from tests.validators.table import judge

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tools(
        "dciodvfy", "dsrdump", "dsr2html", "java", "pixelmed.jar", "wqy-microhei.ttc"
    ),
]

BY_TITLE = {one.title: one for one in cases()}
ANY = next(iter(BY_TITLE.values()))
CHOSEN = [
    "positive, combined, ISO_IR 100, en",
    "no score, GB18030, zh",
    "positive, by clinical facts alone, GBK, en",
    "negative, after a positive film, ISO 2022 IR 87, zh",
    "admitted with every note there is, GB18030, zh",
    "not analysed: study, ISO 2022 IR 149, en",
    "none of these, no patient, no date, none stated, en",
    "MONOCHROME1, ISO 2022 IR 58, zh",
]


def test_the_matrix_is_every_film_by_every_name_by_every_language() -> None:
    assert len(BY_TITLE) == len(films()) * len(names()) * len(Language)


@pytest.mark.parametrize("title", CHOSEN)
def test_no_judge_has_anything_to_say(title: str) -> None:
    """By all judges, of every object of the film, in its own language."""
    assert judge(BY_TITLE[title]) == {name: [] for name in DOCUMENT_JUDGES}


def test_every_judge_speaks_of_a_broken_report(tmp_path: Path) -> None:
    report = next(iter(results_of(ANY, tmp_path))).content
    del report.CompletionFlag
    report.ContentSequence[1].ValueType = "NONSENSE"
    path = tmp_path / "broken.dcm"
    path.write_bytes(to_bytes(report))
    silent = [name for name, ask in DOCUMENT_JUDGES.items() if not ask(path)]
    assert silent == []


def test_the_validator_of_templates_speaks_of_a_code_in_the_wrong_place(tmp_path: Path) -> None:
    """Its allow-list is of three items in one group, not of whatever is not in a template."""
    report = next(iter(results_of(ANY, tmp_path))).content
    report.ContentSequence.append(report.ContentSequence[-1].ContentSequence[0].ContentSequence[-2])
    path = tmp_path / "broken.dcm"
    path.write_bytes(to_bytes(report))
    assert dicom_sr_validator(path) != []


def test_the_image_judge_speaks_of_a_broken_heatmap(tmp_path: Path) -> None:
    heatmap = next(one for one in results_of(ANY, tmp_path) if one.variant is None).content
    del heatmap.PhotometricInterpretation
    path = tmp_path / "broken.dcm"
    path.write_bytes(to_bytes(heatmap))
    assert all(ask(path) != [] for ask in IMAGE_JUDGES.values())
