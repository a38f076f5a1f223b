"""What a killed run leaves to the next one."""

from pathlib import Path

import pytest

from node.batch.journal import Journal, open_journal
from node.domain.errors import Misconfigured
from tests.support.rows import failed_row, scored_row

ROWS = [scored_row(), failed_row()]


class Killed(Exception):
    """The end of a run that had no time to tidy up."""


def leave(table: Path, rows: list) -> Path:  # type: ignore[type-arg]
    """Return the journal of a run that ended before its table was written."""
    with pytest.raises(Killed), open_journal(table) as journal:
        journal.append(rows)
        raise Killed
    return table.with_name("scores.csv.journal")


def test_rows_outlive_their_run(tmp_path: Path) -> None:
    """Those of two broken runs as well; when a run ends well, the table has them."""
    table = tmp_path / "new" / "scores.csv"
    leave(table, ROWS[:1])
    path = leave(table, ROWS[1:])
    with open_journal(table) as journal:
        assert list(journal.rows) == ROWS
    assert not path.exists()


@pytest.mark.parametrize("torn", [b'{"path": "/fil', b"\xff\x00", b"[]", b"{}", b"\n\n"])
def test_a_torn_line_costs_its_row_alone(torn: bytes, tmp_path: Path) -> None:
    """A kill may cut the last line; what comes after it begins a line of its own."""
    table = tmp_path / "scores.csv"
    path = leave(table, ROWS)
    with path.open("ab") as file:
        file.write(torn)
    leave(table, [scored_row("/films/3.dcm")])
    with open_journal(table) as journal:
        assert list(journal.rows) == [*ROWS, scored_row("/films/3.dcm")]


def test_rows_are_with_the_kernel_at_once_and_on_the_disk_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill loses nothing that was appended, a power cut two seconds."""
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


def test_two_runs_do_not_share_a_table(tmp_path: Path) -> None:
    """The second would overwrite the first's."""
    table = tmp_path / "scores.csv"
    refused = pytest.raises(Misconfigured, match="another run writes")
    with open_journal(table), refused, open_journal(table):
        pass


def test_a_run_that_did_nothing_leaves_nothing(tmp_path: Path) -> None:
    """No journal for a model that could not be loaded."""
    assert not leave(tmp_path / "scores.csv", []).exists()


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    """Before the model is loaded."""
    (tmp_path / "file").touch()
    refused = pytest.raises(Misconfigured, match=r"--out: .*name another file")
    with refused, open_journal(tmp_path / "file" / "scores.csv"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
