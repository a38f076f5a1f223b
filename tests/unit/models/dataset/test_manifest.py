"""A manifest is read completely, or refused in one line that names the rows or patients."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.dataset.entry import Entry, FilmOrigin, ManifestError, Sex, Split
from models.dataset.manifest import read_manifest, write_manifest

HEADER = "path,patient_id,site,split,label"
ROWS = [
    "a.png,p1,A,train,0",
    "b.png,p2,A,train,1",
    "c.png,p3,A,test,0",
    "d.png,p4,A,test,1",
    "e.png,p5,B,test,0",
    "f.png,p6,B,test,1",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with six small films."""
    for name in "abcdef":
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / f"{name}.png")
    return tmp_path


def _write(folder: Path, rows: list[str], header: str = HEADER) -> Path:
    file = folder / "manifest.csv"
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return file


def _refusal(file: Path) -> str:
    with pytest.raises(ManifestError) as refusal:
        read_manifest(file)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_paths_are_relative_to_the_csv(folder: Path) -> None:
    manifest = read_manifest(_write(folder, ROWS))
    assert [entry.path for entry in manifest.entries] == [folder / f"{n}.png" for n in "abcdef"]
    assert [entry.row for entry in manifest.entries] == [2, 3, 4, 5, 6, 7]
    assert manifest.sites == ("A", "B")
    assert manifest.home_sites == {"A"}
    assert [entry.label for entry in manifest.of(Split.TRAIN)] == [False, True]
    assert manifest.entries[0].age is None


def test_a_table_written_by_a_spreadsheet_is_read(folder: Path) -> None:
    """The table has a byte order mark, spaces, unknown columns, and capital letters."""
    rows = [f"{row}, note ,77,f,60,150,pa,-2.6,simulated" for row in ROWS]
    header = f"{HEADER},remark,age,sex,weight_kg,height_cm,view,t_score,origin"
    file = _write(folder, rows, "\ufeff" + header)
    entry = read_manifest(file).entries[0]
    assert (entry.age, entry.sex, entry.view, entry.t_score) == (77.0, Sex.FEMALE, "PA", -2.6)
    assert entry.bmi == pytest.approx(60 / 1.5**2)
    assert entry.origin is FilmOrigin.SIMULATED


def test_a_written_manifest_is_read_without_loss(folder: Path) -> None:
    entries = [
        Entry(folder / "a.png", "p,1", "A", Split.TEST, False, age=70.5, mask=folder / "b.png"),
        Entry(
            folder / "c.png", 'p"2', "A", Split.TEST, True, sex=Sex.MALE, origin=FilmOrigin.PATIENT
        ),
    ]
    file = folder / "made.csv"
    write_manifest(file, entries)
    read = read_manifest(file)
    assert [vars(entry) | {"row": 0} for entry in read.entries] == [
        vars(entry) for entry in entries
    ]
    assert "a.png,p" not in file.read_text().splitlines()[0]
    assert str(folder) not in file.read_text()


def test_a_manifest_with_simulated_films_is_simulated(folder: Path) -> None:
    header = f"{HEADER},origin"
    mixed = [f"{row},patient" for row in ROWS[:-1]] + [f"{ROWS[-1]},simulated"]
    assert read_manifest(_write(folder, mixed, header)).origin is FilmOrigin.SIMULATED
    partly = [f"{row},patient" for row in ROWS[:-1]] + [f"{ROWS[-1]},"]
    assert read_manifest(_write(folder, partly, header)).origin is None


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_column_is_named(folder: Path, column: str) -> None:
    header = HEADER.replace(column, "other")
    assert column in _refusal(_write(folder, ROWS, header))


def test_a_patient_on_both_sides_of_a_split_is_named_with_the_rows(folder: Path) -> None:
    rows = [*ROWS[:2], "c.png,p1,A,test,0", *ROWS[3:]]
    text = _refusal(_write(folder, rows))
    assert "p1 (test, row 4 and train, row 2)" in text
    assert "p2" not in text


def test_a_site_with_one_class_only_is_named_with_the_rows(folder: Path) -> None:
    text = _refusal(_write(folder, [*ROWS[:5], "f.png,p6,B,test,0"]))
    assert "site B (label 0, rows 6, 7)" in text
    assert "site A" not in text


def test_a_split_with_one_class_only_is_named_with_the_rows(folder: Path) -> None:
    text = _refusal(_write(folder, ["a.png,p1,A,train,1", *ROWS[1:]]))
    assert "split train (label 1, rows 2, 3)" in text


def test_a_film_listed_twice_is_named_by_its_rows(folder: Path) -> None:
    rows = [*ROWS[:5], "./e.png,p6,B,test,1"]
    assert "row 6, row 7" in _refusal(_write(folder, rows))


def test_missing_films_are_named(folder: Path) -> None:
    rows = ["x.png,p1,A,train,0", *ROWS[1:5], "y.png,p6,B,test,1"]
    text = _refusal(_write(folder, rows))
    assert "row 2" in text
    assert "x.png" in text
    assert "row 7" in text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.png,p1,A,train,yes", "label 'yes'"),
        ("a.png,p1,A,train,", "label ''"),
        ("a.png,p1,A,dev,0", "split 'dev'"),
        ("a.png,,A,train,0", "no patient_id"),
        (",p1,A,train,0", "no path"),
        ("a.png,p1,A", "no split"),
        ("a\0.png,p1,A,train,0", "a value contains NUL"),
        (f"a.png,p1,A,{'x' * 70_000},0", "split 'xxxxxxxxxxxx...xxxxxxxxxxxxx' is not one of"),
    ],
)
def test_an_invalid_value_is_named_with_its_row(folder: Path, row: str, message: str) -> None:
    assert f"row 2 ({message}" in _refusal(_write(folder, [row, *ROWS[1:]]))


@pytest.mark.parametrize(
    ("column", "value"),
    [("age", "old"), ("age", "-1"), ("t_score", "nan"), ("height_cm", "1.70"), ("sex", "X")],
)
def test_an_impossible_value_is_refused(folder: Path, column: str, value: str) -> None:
    rows = [f"{ROWS[0]},{value}", *(f"{row}," for row in ROWS[1:])]
    assert f"{column} '{value}'" in _refusal(_write(folder, rows, f"{HEADER},{column}"))


def test_the_first_of_many_faults_are_named_and_the_others_counted(folder: Path) -> None:
    rows = [f"a.png,p{number},A,train,maybe" for number in range(12)]
    text = _refusal(_write(folder, rows))
    assert "row 9" in text
    assert "row 10 " not in text
    assert "and 4 more" in text


@pytest.mark.parametrize("content", [b"", b"path,label\n", b"\xff\xfe\x00", HEADER.encode()])
def test_other_content_is_refused(folder: Path, content: bytes) -> None:
    file = folder / "manifest.csv"
    file.write_bytes(content)
    assert str(file) in _refusal(file)


def test_a_missing_manifest_is_refused(tmp_path: Path) -> None:
    assert "none.csv" in _refusal(tmp_path / "none.csv")
