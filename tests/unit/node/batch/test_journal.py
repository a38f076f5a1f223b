"""The journal keeps the rows of a killed run for the next run."""

from pathlib import Path

import pytest

from node.batch.journal import Journal, open_journal
from node.domain.errors import Misconfigured
from tests.support.rows import failed_row, scored_row

ROWS = [scored_row(), failed_row()]


class Killed(Exception):
    """This error ends a run at once."""


def kill_run(table: Path, rows: list) -> Path:  # type: ignore[type-arg]
    """Append rows in a run that ends before its table is written; return the journal."""
    with pytest.raises(Killed), open_journal(table) as journal:
        journal.append(rows)
        raise Killed
    return table.with_name("scores.csv.journal")


def test_rows_are_kept_until_a_run_ends_well(tmp_path: Path) -> None:
    """The journal also keeps the rows of two killed runs."""
    table = tmp_path / "new" / "scores.csv"
    kill_run(table, ROWS[:1])
    path = kill_run(table, ROWS[1:])
    with open_journal(table) as journal:
        assert list(journal.rows) == ROWS
    assert not path.exists()


@pytest.mark.parametrize("torn", [b'{"path": "/fil', b"\xff\x00", b"[]", b"{}", b"\n\n"])
def test_an_incomplete_line_loses_its_own_row_only(torn: bytes, tmp_path: Path) -> None:
    """A kill may cut off the last line of the journal, and the next row then starts a new line."""
    table = tmp_path / "scores.csv"
    path = kill_run(table, ROWS)
    with path.open("ab") as file:
        file.write(torn)
    kill_run(table, [scored_row("/films/3.dcm")])
    with open_journal(table) as journal:
        assert list(journal.rows) == [*ROWS, scored_row("/films/3.dcm")]


def test_rows_are_written_at_once_and_synced_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill loses no appended row, and a power cut loses at most the rows of two seconds."""
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    now = [0.0]
    path = tmp_path / "journal"
    with path.open("a+b") as file:
        journal = Journal(file, lambda: now[0])
        journal.append(ROWS)
        assert len(path.read_bytes().splitlines()) == 2
        assert not synced
        now[0] = 2.1
        journal.append(ROWS)
        assert len(synced) == 1


def test_a_second_run_on_the_same_table_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "scores.csv"
    refused = pytest.raises(Misconfigured, match="another run writes")
    with open_journal(table), refused, open_journal(table):
        pass


def test_a_run_without_rows_leaves_no_journal(tmp_path: Path) -> None:
    """A run has no rows if, for example, its model could not be loaded."""
    assert not kill_run(tmp_path / "scores.csv", []).exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """The run is refused before its model is loaded."""
    (tmp_path / "file").touch()
    refused = pytest.raises(Misconfigured, match=r"--out: .*name another file")
    with refused, open_journal(tmp_path / "file" / "scores.csv"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
