"""The job table is restored from a backup, and no acknowledged film is lost."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydicom.uid import Comprehensive3DSRStorage, SecondaryCaptureImageStorage

from node.config.settings import load
from node.domain.workflow.job import JobState
from node.jobs.engine import open_engine
from tests.peers.command import assert_fails, osteoscreen
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc
from tests.peers.programs import run
from tests.support.films import write_to_new_study

pytestmark = pytest.mark.tools("dcmsend", "Orthanc")

MakeNode = Callable[..., Node]


def assert_each_delivered_once(node: Node, orthanc: Orthanc, uids: Sequence[str]) -> None:
    """Start the node; check that every film is DONE, with one report and one heatmap."""
    node.serve()
    assert {job.state for job in node.wait_ended(uids)} == {JobState.DONE}
    assert orthanc.count(Comprehensive3DSRStorage) == len(uids)
    assert orthanc.count(SecondaryCaptureImageStorage) == len(uids)


def lose(node: Node, folder: Path) -> None:
    """Delete a SQLite database with its log files."""
    node.kill()
    for path in folder.glob("osteoscreen.db*"):
        path.unlink()


@pytest.fixture
def later(film: Path, tmp_path: Path) -> list[Path]:
    """Return three films that are received after the backup."""
    return [write_to_new_study(film, tmp_path / f"later{number}.dcm") for number in range(3)]


def test_a_sqlite_table_is_restored(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    films: list[Path],
    later: list[Path],
    tmp_path: Path,
) -> None:
    """The backup runs while films are received, and later films are recovered from the spool."""
    folder, backup = tmp_path / "node", tmp_path / "backup.db"
    node = make_node(destinations=[destination])
    node.serve()
    uids = node.send(*films)
    process = osteoscreen("db", "backup", backup, "--config", node.file)
    assert process.returncode == 0, process.stderr
    assert "6 jobs" in process.stdout
    uids += node.send(*later)
    node.wait_for(uids[-1], lambda detail: detail.job.state is JobState.DONE)
    lose(node, folder)

    restored = osteoscreen("db", "restore", backup, "--config", node.file)
    assert restored.returncode == 0, restored.stderr
    assert "jobs for 3 orphaned films" in restored.stdout
    adopted = node.job_detail(uids[-1])
    assert (adopted.job.state, adopted.history[0].actor) == (JobState.RECEIVED, "adopt")
    assert_each_delivered_once(node, orthanc, uids)


@pytest.mark.long
def test_the_spool_is_enough_without_a_backup(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], films: list[Path]
) -> None:
    """With an empty table, `db adopt` creates a job for each spooled film, which is sent once."""
    node = make_node(destinations=[destination])
    node.serve()
    uids = node.send(*films)
    node.wait_all(len(films))
    lose(node, node.file.parent)
    assert osteoscreen("db", "upgrade", "--config", node.file).returncode == 0
    adopted = osteoscreen("db", "adopt", "--config", node.file)
    assert "6 orphaned films" in adopted.stdout
    again = osteoscreen("db", "adopt", "--config", node.file)
    assert "No orphaned films" in again.stdout
    assert_each_delivered_once(node, orthanc, uids)


@pytest.mark.tools("initdb", "postgres", "pg_dump", "pg_restore")
def test_a_postgresql_database_is_restored(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    films: list[Path],
    later: list[Path],
    postgres_url: str,
    tmp_path: Path,
) -> None:
    """pg_dump runs while films are received, and `db adopt` completes the restored database."""
    dump, plain = tmp_path / "backup.dump", postgres_url.replace("+psycopg", "")
    node = make_node(destinations=[destination], database={"url": postgres_url})
    node.serve()
    uids = node.send(*films)
    process = osteoscreen("db", "backup", dump, "--config", node.file)
    assert_fails(process, 2, f"pg_dump --format=custom --file={dump} {plain}")
    assert run("pg_dump", "--format=custom", f"--file={dump}", plain).returncode == 0
    uids += node.send(*later)
    node.wait_for(uids[-1], lambda detail: detail.job.state is JobState.DONE)
    node.kill()
    with open_engine(load(node.file).database.url).begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))

    assert run("pg_restore", "--single-transaction", f"--dbname={plain}", dump).returncode == 0
    assert osteoscreen("db", "upgrade", "--config", node.file).returncode == 0
    assert "3 orphaned films" in osteoscreen("db", "adopt", "--config", node.file).stdout
    assert_each_delivered_once(node, orthanc, uids)


def test_the_command_for_postgresql_contains_no_password(tmp_path: Path) -> None:
    """The exit status is 2, and the message contains the command to run."""
    url = "postgresql://osteo:s3cret@db:5433/jobs?password=s3cret2"
    for arguments in (["backup", "x.dump"], ["restore", "x.dump"]):
        process = osteoscreen("db", *arguments, OSTEOSCREEN__DATABASE__URL=url)
        assert_fails(process, 2, "x.dump", "postgresql://osteo@db:5433/jobs")
        assert "***" not in process.stderr
        assert "s3cret" not in process.stdout + process.stderr


def test_a_damaged_film_stays_in_the_spool(make_node: MakeNode, film: Path, tmp_path: Path) -> None:
    """A film whose bytes differ from the acknowledged bytes gets no job and is not deleted."""
    node = make_node()
    node.serve("ingest")
    [uid] = node.send(write_to_new_study(film, tmp_path / "one.dcm"))
    spooled = node.spooled(uid)
    lose(node, node.file.parent)
    spooled.write_bytes(spooled.read_bytes()[:-1] + b"\1\1")
    assert osteoscreen("db", "upgrade", "--config", node.file).returncode == 0
    process = osteoscreen("db", "adopt", "--config", node.file)
    assert_fails(process, 1, "1 damaged films were not adopted")
    assert node.jobs() == []
    assert spooled.exists()
