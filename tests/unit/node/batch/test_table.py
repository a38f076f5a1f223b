"""The table on disk: the same in both formats, and never half written."""

import csv
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from node.batch.row import COLUMNS, RowState, Subject, unscored
from node.batch.table import open_table
from node.domain.errors import Misconfigured, Permanent
from node.domain.radiograph.film import Film
from tests.support.rows import MODEL, failed_row, scored_row

ROWS = [scored_row(), failed_row(), scored_row("/films/3\n.dcm", 1e-12)]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "CSV"])
def test_rows_come_back_as_they_were(suffix: str, tmp_path: Path) -> None:
    """To the last digit, and with what is unknown still unknown."""
    table = open_table(tmp_path / f"scores.{suffix}")
    assert table.read() == []
    table.replace(ROWS)
    assert table.read() == ROWS
    assert [path.name for path in tmp_path.iterdir()] == [f"scores.{suffix}"]


def test_the_columns_are_documented_ones_in_order(tmp_path: Path) -> None:
    """Other people's programs rely on them; none of them names a patient."""
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
    """A program need not guess them from text."""
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "scores.parquet"
    open_table(path).replace([failed_row()])
    table = parquet.read_table(path)
    assert table.schema.field("probability_image").type == "double"
    assert table.schema.field("flagged").type == "bool"
    assert table.to_pylist()[0]["reason"] is None


def test_a_header_cannot_plant_a_formula(tmp_path: Path) -> None:
    """Spreadsheets run what begins with an equals sign."""
    film = Film("1", "1", "1", "1", "1", "d", 1, modality="=HYPERLINK()", view_position="PA")
    row = unscored(Subject("/film", film), MODEL, RowState.REJECTED, reason="modality")
    assert (row.modality, row.view_position) == ("'=HYPERLINK()", "PA")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("content", ["name,age\nDoe,67\n", "", "\x00\xff", '"'])
def test_a_file_that_is_no_table_of_ours_is_left_alone(
    content: str, suffix: str, tmp_path: Path
) -> None:
    """A researcher's own table must survive a typing error."""
    path = tmp_path / f"scores.{suffix}"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(Misconfigured, match="no table of scores; name another file"):
        open_table(path).read()
    assert path.read_text(encoding="latin-1") == content


@pytest.mark.parametrize(
    ("name", "said"),
    [("scores.xlsx", r"\.xlsx: name a \.csv or"), ("scores", "no suffix"), ("", "is a folder")],
)
def test_a_name_that_cannot_be_written_is_said(name: str, said: str, tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(Misconfigured, match=f"--out: .*{said}"):
        open_table(tmp_path / name)


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra; a CSV needs nothing."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(Misconfigured, match=r"osteoscreen\[parquet\].*\.csv"):
        open_table(tmp_path / "scores.parquet")


def test_a_failed_write_leaves_the_table_that_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk costs no earlier run."""
    table = open_table(tmp_path / "scores.csv")
    table.replace(ROWS)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Permanent, match="No space left"):
        table.replace([])
    assert table.read() == ROWS
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]


def test_only_what_cost_a_decoding_is_kept() -> None:
    """Scores, and pixels that show nothing; what the header decides is decided anew."""
    assert scored_row().can_be_kept
    assert not failed_row().can_be_kept
    rejected = replace(failed_row(), state=str(RowState.REJECTED), reason="body-part")
    assert not rejected.can_be_kept
    assert replace(rejected, reason="pixels").can_be_kept
