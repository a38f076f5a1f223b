"""`osteoscreen db backup` writes one verified, private file, and never over the live database."""

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from node.domain.errors import Misconfigured, Permanent
from node.jobs import schema
from node.jobs.backup import back_up, restore
from node.jobs.engine import open_engine, transaction
from tests.peers.waiting import wait_until


def silent(_fraction: float) -> None:
    """Do nothing in place of a progress display."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of an empty job table."""
    url = f"sqlite:///{tmp_path / 'live.db'}"
    schema.upgrade(open_engine(url))
    return url


def insert(url: str, number: int) -> None:
    """Insert a job, padded so that a copy takes many pages."""
    row = (
        "INSERT INTO job (state, sop_instance_uid, digest, calling_ae, film, spool_key, attempt,"
        " worker, run_after, reason, error, received_at, updated_at) VALUES ('DONE', :uid, 'd',"
        " '', '{}', '', 0, '', '2026-01-01', '', :padding, '2026-01-01', '2026-01-01')"
    )
    with transaction(open_engine(url)) as connection:
        connection.execute(sa.text(row), {"uid": f"1.{number}", "padding": "x" * 40_000})


def jobs_in(path: Path) -> int:
    """Return the number of jobs in a database file."""
    connection = sqlite3.connect(path)
    count = connection.execute("SELECT count(*) FROM job").fetchone()[0]
    connection.close()
    return int(count)


def test_a_backup_works_while_another_process_writes(url: str, tmp_path: Path) -> None:
    """Backup and writer do not wait for each other, and the copy is a consistent snapshot."""
    for number in range(50):
        insert(url, number)
    written, stop = [], threading.Event()

    def write() -> None:
        while not stop.is_set():
            insert(url, 1000 + len(written))
            written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: len(written), goal="first row")
        copies = [
            back_up(url, tmp_path / f"{number}.db", replace=False, progress=silent)
            for number in range(5)
        ]
    finally:
        stop.set()
        writer.join()
    assert [jobs_in(copy.path) for copy in copies] == [copy.jobs for copy in copies]
    assert copies[0].jobs > 50
    assert copies[-1].jobs > copies[0].jobs


def test_a_backup_is_one_private_file(url: str, tmp_path: Path) -> None:
    """The backup has mode 0600 for any umask, and no other file remains."""
    folder = tmp_path / "backups"
    folder.mkdir()
    old = os.umask(0)
    try:
        back_up(url, folder / "one.db", replace=False, progress=silent)
    finally:
        os.umask(old)
    assert [path.name for path in folder.iterdir()] == ["one.db"]
    assert stat.S_IMODE((folder / "one.db").stat().st_mode) == 0o600


def test_an_existing_backup_is_replaced_only_on_request(url: str, tmp_path: Path) -> None:
    """A cron job either writes a new file each day or uses --replace."""
    target = tmp_path / "backup.db"
    back_up(url, target, replace=False, progress=silent)
    insert(url, 1)
    with pytest.raises(Misconfigured, match="--replace"):
        back_up(url, target, replace=False, progress=silent)
    assert jobs_in(target) == 0
    assert back_up(url, target, replace=True, progress=silent).jobs == 1
    assert jobs_in(target) == 1


@pytest.mark.parametrize("name", ["live.db", "live.db-wal", "other/../live.db", "link.db", "hard"])
def test_the_live_database_is_refused_as_target(url: str, tmp_path: Path, name: str) -> None:
    """The live database is refused under every name, even with --replace."""
    (tmp_path / "other").mkdir()
    (tmp_path / "link.db").symlink_to("live.db")
    (tmp_path / "hard").hardlink_to(tmp_path / "live.db")
    insert(url, 1)
    with pytest.raises(Misconfigured, match="is the database itself"):
        back_up(url, tmp_path / name, replace=True, progress=silent)
    assert jobs_in(tmp_path / "live.db") == 1


def test_a_damaged_database_gives_no_backup(url: str, tmp_path: Path) -> None:
    """The earlier backup is kept, because it may be the last good backup."""
    for number in range(20):
        insert(url, number)
    target = tmp_path / "backup.db"
    back_up(url, target, replace=False, progress=silent)
    good = target.read_bytes()
    live = tmp_path / "live.db"
    with sqlite3.connect(live) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(live.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20_000] = b"\xff" * 20_000
    live.write_bytes(content)
    with pytest.raises(Permanent, match=r"the copy is damaged|the copy failed"):
        back_up(url, target, replace=True, progress=silent)
    assert target.read_bytes() == good
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


def test_a_missing_folder_or_database_is_reported(url: str, tmp_path: Path) -> None:
    """The message names the missing folder or database, and no database is created."""
    with pytest.raises(Misconfigured, match="No such file or directory; name a file in a"):
        back_up(url, tmp_path / "nowhere" / "x.db", replace=False, progress=silent)
    with pytest.raises(Misconfigured, match="nothing to back up"):
        back_up(f"sqlite:///{tmp_path}/no.db", tmp_path / "x", replace=False, progress=silent)
    assert not (tmp_path / "no.db").exists()


def test_an_existing_database_or_log_prevents_a_restore(url: str, tmp_path: Path) -> None:
    """SQLite would apply an old log file to the restored database."""
    insert(url, 1)
    backup = tmp_path / "backup.db"
    back_up(url, backup, replace=False, progress=silent)
    with pytest.raises(Misconfigured, match="move away first"):
        restore(backup, url, silent)
    (tmp_path / "live.db").unlink()
    (tmp_path / "live.db-wal").write_bytes(b"old")
    with pytest.raises(Misconfigured, match=r"live\.db-wal"):
        restore(backup, url, silent)
    for path in tmp_path.glob("live.db-*"):
        path.unlink()
    assert restore(backup, url, silent).jobs == 1
    assert jobs_in(tmp_path / "live.db") == 1


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_file_that_is_no_backup_is_not_restored(tmp_path: Path, content: bytes) -> None:
    """A file that is not a backup gives an error, and no database is created."""
    backup = tmp_path / "backup.db"
    backup.write_bytes(content)
    with pytest.raises(Permanent):
        restore(backup, f"sqlite:///{tmp_path / 'live.db'}", silent)
    assert not (tmp_path / "live.db").exists()
