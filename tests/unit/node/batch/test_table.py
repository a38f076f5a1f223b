"""CSV and Parquet tables hold the same rows, and a failed write keeps the old table."""

import csv
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from node.batch.row import COLUMNS, RowState, ScreenedFilm, unscored_row
from node.batch.table import open_table
from node.domain.errors import Misconfigured, Permanent
from node.domain.radiograph.film import Film
from tests.support.rows import MODEL, failed_row, scored_row

ROWS = [scored_row(), failed_row(), scored_row("/films/3\n.dcm", 1e-12)]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "CSV"])
def test_rows_are_read_as_they_were_written(suffix: str, tmp_path: Path) -> None:
    """Numbers keep all their digits, and unknown values stay unknown."""
    table = open_table(tmp_path / f"scores.{suffix}")
    assert table.read() == []
    table.replace(ROWS)
    assert table.read() == ROWS
    assert [path.name for path in tmp_path.iterdir()] == [f"scores.{suffix}"]


def test_the_columns_have_a_fixed_order(tmp_path: Path) -> None:
    """Other programs rely on the order of the columns, and no column identifies a patient."""
    path = tmp_path / "scores.csv"
    open_table(path).replace(ROWS)
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    assert tuple(lines[0]) == COLUMNS
    first = dict(zip(COLUMNS, lines[1], strict=True))
    assert (first["probability_image"], first["probability_clinical"]) == (repr(0.1 + 0.2), "")
    assert (first["flagged"], first["age_years"], first["reason"]) == ("false", "67.0", "")
    assert all(row[COLUMNS.index("intended_use")] == "demonstration" for row in lines[1:])
    assert not [name for name in COLUMNS if "patient" in name or name == "id"]


def test_parquet_has_types_and_nulls(tmp_path: Path) -> None:
    """A program reads numbers and nulls from Parquet without parsing text."""
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "scores.parquet"
    open_table(path).replace([failed_row()])
    table = parquet.read_table(path)
    assert table.schema.field("probability_image").type == "double"
    assert table.schema.field("flagged").type == "bool"
    assert table.to_pylist()[0]["reason"] is None


def test_a_header_cannot_add_a_formula(tmp_path: Path) -> None:
    """A spreadsheet would run a text that begins with an equals sign as a formula."""
    film = Film("1", "1", "1", "1", "1", "d", 1, modality="=HYPERLINK()", view_position="PA")
    row = unscored_row(ScreenedFilm("/film", film), MODEL, RowState.REJECTED, reason="modality")
    assert (row.modality, row.view_position) == ("'=HYPERLINK()", "PA")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("content", ["name,age\nDoe,67\n", "", "\x00\xff", '"'])
def test_any_other_file_is_not_overwritten(content: str, suffix: str, tmp_path: Path) -> None:
    """A mistyped file name must not destroy another table."""
    path = tmp_path / f"scores.{suffix}"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(Misconfigured, match="not a table of scores; name another file"):
        open_table(path).read()
    assert path.read_text(encoding="latin-1") == content


@pytest.mark.parametrize(
    ("name", "text"),
    [("scores.xlsx", r"\.xlsx: name a \.csv or"), ("scores", "no suffix"), ("", "is a folder")],
)
def test_a_wrong_file_name_is_refused(name: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=f"--out: .*{text}"):
        open_table(tmp_path / name)


def test_without_pyarrow_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only Parquet needs the extra; a CSV file is written without pyarrow."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(Misconfigured, match=r"osteoscreen\[parquet\].*\.csv"):
        open_table(tmp_path / "scores.parquet")


def test_a_failed_write_keeps_the_old_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = open_table(tmp_path / "scores.csv")
    table.replace(ROWS)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Permanent, match="No space left"):
        table.replace([])
    assert table.read() == ROWS
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]


def test_scores_and_blank_films_are_reusable() -> None:
    """A refusal by the header alone is decided again, so its row is not reused."""
    assert scored_row().is_reusable
    assert not failed_row().is_reusable
    rejected = replace(failed_row(), state=str(RowState.REJECTED), reason="body-part")
    assert not rejected.is_reusable
    assert replace(rejected, reason="pixels").is_reusable
