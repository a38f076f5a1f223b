"""Many writers append complete lines to the file of the audit trail, without delaying films."""

import json
import os
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from node.audit.file_trail import FileTrail, open_trail
from node.config.settings import load
from node.domain.audit_events import ApplicationStarted, FilmReceived, Instance
from tests.peers.audit import read
from tests.support.audit_events import EVENTS, NODE, XRAY
from tests.support.paths import ROOT

WRITER = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from node.audit.file_trail import FileTrail
from node.domain.audit_events import FilmReceived, Instance, Peer
from tests.support.audit_events import NODE
trail = FileTrail(Path(sys.argv[1]), NODE, lambda: datetime.now(UTC))
for number in range(300):
    long = "x" * (number % 250)
    trail.record(FilmReceived(Peer(sys.argv[2] + long, "::1"), Instance("1.2", f"1.{number}", "1")))
"""


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "var" / "audit.log"


@pytest.fixture
def trail(file: Path) -> FileTrail:
    return FileTrail(file, NODE, now)


def test_each_event_is_one_line_in_order(trail: FileTrail, file: Path) -> None:
    for event in EVENTS:
        trail.record(event)
    records = read(file)
    assert len(records) == len(EVENTS)
    assert [record.at for record in records] == sorted(record.at for record in records)


def test_only_the_owner_can_read_the_file(trail: FileTrail, file: Path) -> None:
    trail.record(ApplicationStarted())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_lines_stay_complete_when_processes_and_threads_write_at_once(
    trail: FileTrail, file: Path
) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, file, f"P{n}"], cwd=ROOT) for n in range(3)
    ]

    def write() -> None:
        for number in range(300):
            trail.record(FilmReceived(XRAY, Instance("1.2", f"2.{number}", "1")))

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    assert len(read(file)) == 6 * 300


def test_a_record_survives_the_end_of_the_process(file: Path) -> None:
    """Records are not buffered, so kill -9 right after a record does not lose the record."""
    killed = f"{WRITER}\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    subprocess.run([sys.executable, "-c", killed, file, "P"], cwd=ROOT, check=False)
    assert len(read(file)) == 300


def test_after_a_rotation_a_new_file_is_created(trail: FileTrail, file: Path) -> None:
    """After a rotation, the next record creates the new file without a signal."""
    trail.record(ApplicationStarted())
    file.rename(file.with_name("audit.log.1"))
    trail.record(EVENTS[1])
    assert [record.kind for record in read(file.with_name("audit.log.1"))] == ["Application Start"]
    assert [record.kind for record in read(file)] == ["Application Stop"]


def test_an_incomplete_line_does_not_damage_the_next(trail: FileTrail, file: Path) -> None:
    trail.record(ApplicationStarted())
    content = file.read_bytes()
    file.write_bytes(content + content[:100])
    trail.record(EVENTS[1])
    lines = file.read_bytes().split(b"\n")
    assert lines[1] == content[:100]
    assert b"Application Stop" in lines[2]
    assert lines[3:] == [b""]


def test_a_full_disk_is_logged_once_and_raises_nothing(tmp_path: Path) -> None:
    """On a device that is always full, the log has one error with the number of lost records."""
    trail = FileTrail(Path("/dev/full"), NODE, now)
    assert logs_of(trail) == [
        {
            "event": "audit_record_lost",
            "log_level": "error",
            "file": "/dev/full",
            "error": "No space left on device",
            "lost": 1,
        }
    ]


def logs_of(trail: FileTrail) -> list[Any]:
    with capture_logs() as logs:
        for event in EVENTS:
            trail.record(event)
    return logs


@pytest.mark.parametrize("place", ["file/audit.log", "folder"])
def test_a_path_that_is_no_file_raises_nothing(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    [entry] = logs_of(FileTrail(tmp_path / place, NODE, now))
    assert entry["event"] == "audit_record_lost"


def test_a_pipe_without_a_reader_blocks_nothing(tmp_path: Path) -> None:
    """A pipe without a reader is full after 64 KiB, and a writer that waited would block films."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    descriptor = os.open(pipe, os.O_RDWR)
    trail = FileTrail(pipe, NODE, now)
    with capture_logs() as logs:
        for _ in range(200):
            trail.record(ApplicationStarted())
    os.close(descriptor)
    assert [entry["event"] for entry in logs] == ["audit_record_lost"]


def test_an_event_that_cannot_be_written_raises_nothing(trail: FileTrail) -> None:
    """An object that is not an audit event is logged as an error, and the caller continues."""
    with capture_logs() as logs:
        trail.record(object())  # type: ignore[arg-type]
    assert logs[0]["error"].startswith("AttributeError at ")


def test_the_configuration_has_the_path_and_the_source(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("audit: {file: log/trail, source: ward-7}\ndicom: {ae_title: BONES}\n")
    open_trail(load(config), "ingest").record(ApplicationStarted())
    [record] = read(tmp_path / "log" / "trail")
    [source] = record.xml.iter("AuditSourceIdentification")
    assert source.get("AuditSourceID") == "ward-7"
    [node] = record.participants
    assert (node["UserName"], node["AlternativeUserID"]) == ("osteoscreen ingest", "AETITLES=BONES")
    assert node["UserID"] == record.process == str(os.getpid())


def test_the_source_is_the_ae_title_by_default(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("dicom: {ae_title: BONES}\n")
    open_trail(load(config), "ingest").record(ApplicationStarted())
    [record] = read(tmp_path / "var" / "audit.log")
    assert next(record.xml.iter("AuditSourceIdentification")).get("AuditSourceID") == "BONES"


def test_null_switches_the_trail_off(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"audit": {"file": None}}))
    open_trail(load(config), "ingest").record(ApplicationStarted())
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
