"""The clinical cohort is read from a table: complete rows, counts of excluded rows, errors."""

from pathlib import Path

import numpy as np
import pytest

from models.calibration.clinical_cohort import Label, TableError, read_people
from tests.support.people import MANIFEST_ROW, SURVEY_ROW, write_rows


def test_a_survey_is_read_with_its_weights_and_design(tmp_path: Path) -> None:
    """Weights have mean 1. Units of different strata may have the same number."""
    rows = [
        SURVEY_ROW | {"wtmec2yr": "10000", "sex": "M"},
        SURVEY_ROW | {"wtmec2yr": "30000", "sdmvpsu": "2.0"},
        SURVEY_ROW | {"wtmec2yr": "20000", "sdmvstra": "105.0"},
    ]
    people = read_people(write_rows(tmp_path / "survey.csv", rows))
    np.testing.assert_allclose(people.weight, [0.5, 1.5, 1.0])
    assert len(set(people.cluster.tolist())) == 3
    assert people.stratum[0] == people.stratum[1] != people.stratum[2]
    assert people.male.tolist() == [1, 0, 0]
    assert people.label is Label.FEMORAL_NECK


def test_incomplete_rows_are_excluded_and_counted(tmp_path: Path) -> None:
    """Missing values are not imputed."""
    rows = [
        SURVEY_ROW,
        SURVEY_ROW | {"seqn": "", "wtmec2yr": ""},
        SURVEY_ROW | {"height_cm": ""},
        SURVEY_ROW | {"sex": "2"},
        SURVEY_ROW | {"age_years": "49"},
        SURVEY_ROW | {"fn_t": " "},
    ]
    people = read_people(write_rows(tmp_path / "survey.csv", rows))
    assert len(people.age) == 1
    assert people.left_out == {
        "no survey weight": 1,
        "a value is missing": 3,
        "younger than 50 or older than 110": 1,
    }


def test_ages_above_the_surveys_ceiling_are_set_to_the_ceiling(tmp_path: Path) -> None:
    """The clinical model of a node applies the same ceiling."""
    rows = [SURVEY_ROW | {"age_years": age} for age in ("79", "80", "85")]
    people = read_people(write_rows(tmp_path / "survey.csv", rows))
    assert people.age.tolist() == [79, 80, 80]
    assert people.age_ceiling == 80


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (Label.FEMORAL_NECK, [True, False, False, False]),
        (Label.ANY_SITE, [True, True, True, False]),
    ],
)
def test_osteoporosis_is_a_t_score_of_at_most_the_limit(
    label: Label, expected: list[bool], tmp_path: Path
) -> None:
    low = {"fn_t": "-2.5"}, {"th_t": "-2.6"}, {"ls_t": "-3"}, {"fn_t": "-2.49"}
    people = read_people(
        write_rows(tmp_path / "s.csv", [SURVEY_ROW | t_score for t_score in low]), label
    )
    assert people.positive.tolist() == expected


def test_only_the_training_split_of_a_manifest_is_read(tmp_path: Path) -> None:
    """Each patient is a sampling unit. Validation and test patients are excluded."""
    rows = [
        MANIFEST_ROW | {"label": "1"},
        MANIFEST_ROW | {"path": "b.png"},
        MANIFEST_ROW | {"patient_id": "p2"},
        MANIFEST_ROW | {"patient_id": "p3", "split": "test"},
    ]
    people = read_people(write_rows(tmp_path / "manifest.csv", rows))
    assert people.label is Label.MANIFEST
    assert people.positive.tolist() == [True, False, False]
    assert people.cluster[0] == people.cluster[1] != people.cluster[2]
    assert people.weight.tolist() == [1, 1, 1]
    assert people.age_ceiling is None
    assert people.left_out == {"of another split": 1}


@pytest.mark.parametrize("column", ["age_years", "sex", "weight_kg", "fn_t", "wtmec2yr", "sdmvpsu"])
def test_a_missing_column_of_a_survey_is_named(column: str, tmp_path: Path) -> None:
    row = {key: value for key, value in SURVEY_ROW.items() if key != column}
    with pytest.raises(TableError, match=f"no column '{column}'"):
        read_people(write_rows(tmp_path / "survey.csv", [row]))


@pytest.mark.parametrize("column", ["age", "label", "patient_id", "height_cm"])
def test_a_missing_column_of_a_manifest_is_named(column: str, tmp_path: Path) -> None:
    row = {key: value for key, value in MANIFEST_ROW.items() if key != column}
    with pytest.raises(TableError, match=f"no column '{column}'"):
        read_people(write_rows(tmp_path / "manifest.csv", [row]))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (SURVEY_ROW | {"weight_kg": "heavy"}, "line 3: weight_kg is 'heavy', not a number"),
        (SURVEY_ROW | {"age_years": "nan"}, "line 3: age_years is 'nan', not a number"),
        (SURVEY_ROW | {"weight_kg": "x" * 70_000}, r"weight_kg is 'x+\.\.\.x+', not a number"),
        (SURVEY_ROW | {"wtmec2yr": "-1"}, "above zero"),
        (MANIFEST_ROW | {"label": "2"}, "line 3: label is '2', neither 0 nor 1"),
    ],
)
def test_an_invalid_value_is_named_with_its_line(
    row: dict[str, str], message: str, tmp_path: Path
) -> None:
    good = SURVEY_ROW if "fn_t" in row else MANIFEST_ROW
    with pytest.raises(TableError, match=message):
        read_people(write_rows(tmp_path / "table.csv", [good, row]))


def test_an_unusable_table_gives_a_message_of_one_line(tmp_path: Path) -> None:
    """The cases include a missing file, a folder, and a table without people of 50 or older."""
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00\x01")
    young = write_rows(tmp_path / "young.csv", [SURVEY_ROW | {"age_years": "30"}])
    for path in (tmp_path / "none.csv", tmp_path, tmp_path / "bytes.csv", young):
        with pytest.raises(TableError) as error:
            read_people(path)
        assert "\n" not in str(error.value)
        assert str(path) in str(error.value)
    survey = write_rows(tmp_path / "survey.csv", [SURVEY_ROW])
    with pytest.raises(TableError, match="no label 'manifest'"):
        read_people(survey, Label.MANIFEST)
    manifest = write_rows(tmp_path / "manifest.csv", [MANIFEST_ROW])
    with pytest.raises(TableError, match="no label 'any-site'"):
        read_people(manifest, Label.ANY_SITE)
