"""The trail's file: whole lines from any number of writers, and never a film that waits for it."""

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
    assert [one.at for one in records] == sorted(one.at for one in records)


def test_only_its_owner_reads_it(trail: FileTrail, file: Path) -> None:
    trail.record(ApplicationStarted())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_lines_stay_whole_when_processes_and_threads_write_at_once(
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


def test_what_is_written_outlives_the_process(file: Path) -> None:
    """No buffer of ours: a process that is killed the moment after has told."""
    killed = f"{WRITER}\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    subprocess.run([sys.executable, "-c", killed, file, "P"], cwd=ROOT, check=False)
    assert len(read(file)) == 300


def test_a_file_that_is_rotated_away_is_let_go(trail: FileTrail, file: Path) -> None:
    """Without a signal: the next record makes a new file."""
    trail.record(ApplicationStarted())
    file.rename(file.with_name("audit.log.1"))
    trail.record(EVENTS[1])
    assert [one.kind for one in read(file.with_name("audit.log.1"))] == ["Application Start"]
    assert [one.kind for one in read(file)] == ["Application Stop"]


def test_a_line_that_a_full_disk_broke_spoils_no_other(trail: FileTrail, file: Path) -> None:
    trail.record(ApplicationStarted())
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:100])
    trail.record(EVENTS[1])
    lines = file.read_bytes().split(b"\n")
    assert lines[1] == whole[:100]
    assert b"Application Stop" in lines[2]
    assert lines[3:] == [b""]


def test_a_full_disk_stops_nothing_and_is_said_once(tmp_path: Path) -> None:
    """The device is always full; the log says so, and how many records are lost."""
    trail = FileTrail(Path("/dev/full"), NODE, now)
    assert told_by(trail) == [
        {
            "event": "audit_not_written",
            "log_level": "error",
            "file": "/dev/full",
            "error": "No space left on device",
            "lost": 1,
        }
    ]


def told_by(trail: FileTrail) -> list[Any]:
    with capture_logs() as told:
        for event in EVENTS:
            trail.record(event)
    return told


@pytest.mark.parametrize("place", ["file/audit.log", "folder"])
def test_a_place_that_is_no_file_stops_nothing(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    [told] = told_by(FileTrail(tmp_path / place, NODE, now))
    assert told["event"] == "audit_not_written"


def test_a_pipe_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    """It takes 64 KiB, and then no more: a writer that waited would keep films waiting."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    trail = FileTrail(pipe, NODE, now)
    with capture_logs() as told:
        for _ in range(200):
            trail.record(ApplicationStarted())
    os.close(held)
    assert [one["event"] for one in told] == ["audit_not_written"]


def test_what_cannot_be_told_at_all_stops_nothing(trail: FileTrail) -> None:
    """An event that is no event is a fault of ours, and no film's."""
    with capture_logs() as told:
        trail.record(object())  # type: ignore[arg-type]
    assert told[0]["error"].startswith("AttributeError at ")


def test_the_configuration_says_where_and_by_what_name(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("audit: {file: log/trail, source: ward-7}\ndicom: {ae_title: BONES}\n")
    open_trail(load(config), "ingest", now).record(ApplicationStarted())
    [record] = read(tmp_path / "log" / "trail")
    [source] = record.xml.iter("AuditSourceIdentification")
    assert source.get("AuditSourceID") == "ward-7"
    [ours] = record.participants
    assert (ours["UserName"], ours["AlternativeUserID"]) == ("osteoscreen ingest", "AETITLES=BONES")
    assert ours["UserID"] == record.process == str(os.getpid())


def test_the_name_is_the_ae_title_where_none_is_given(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("dicom: {ae_title: BONES}\n")
    open_trail(load(config), "ingest", now).record(ApplicationStarted())
    [record] = read(tmp_path / "var" / "audit.log")
    assert next(record.xml.iter("AuditSourceIdentification")).get("AuditSourceID") == "BONES"


def test_null_switches_the_trail_off(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"audit": {"file": None}}))
    open_trail(load(config), "ingest", now).record(ApplicationStarted())
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
