"""Audit lines that are not shipped yet are found after every kind of log rotation."""

import gzip
import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from node.audit.backlog import Backlog
from node.audit.file_trail import FileTrail
from node.domain.audit_events import FilmReceived, Instance
from tests.peers.audit import parse
from tests.peers.programs import run
from tests.support.audit_events import NODE, XRAY
from tests.support.paths import ROOT

PLENTY = 1 << 20
Write = Callable[..., None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


@pytest.fixture
def write(file: Path) -> Write:
    """Return a function that records films by number, each one second after the previous."""
    clock = iter(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n) for n in range(1000))
    trail = FileTrail(file, NODE, lambda: next(clock))

    def films(*numbers: int) -> None:
        for number in numbers:
            trail.record(FilmReceived(XRAY, Instance("1.2", f"1.{number}", "1")))

    return films


@pytest.fixture
def backlog(file: Path) -> Iterator[Backlog]:
    """Return a backlog that holds the lock for shipping."""
    backlog = Backlog(file)
    with backlog.exclusive() as may_ship:
        assert may_ship
        yield backlog


def number_of(line: bytes) -> int:
    [uid] = parse(line).instances
    return int(uid.removeprefix("1."))


def ship(backlog: Backlog, limit: int = PLENTY) -> list[int]:
    """Return the numbers of the films in unshipped lines, and mark these lines as shipped."""
    numbers: list[int] = []
    while batch := backlog.next_lines(limit):
        numbers += map(number_of, batch.lines)
        backlog.mark_shipped(batch.end)
    return numbers


def make_old(path: Path) -> None:
    """Make a rotated file older."""
    os.utime(path, (0, 0))


def rotate(file: Path, to: str) -> Path:
    rotated = file.rename(file.with_name(to))
    make_old(rotated)
    return rotated


def test_each_line_is_shipped_once(backlog: Backlog, write: Write) -> None:
    assert ship(backlog) == []
    write(1, 2, 3)
    assert ship(backlog) == [1, 2, 3]
    assert ship(backlog) == []
    write(4)
    assert ship(backlog) == [4]


def test_a_limit_in_bytes_returns_complete_lines(backlog: Backlog, write: Write) -> None:
    write(*range(20))
    batch = backlog.next_lines(3000)
    assert batch is not None
    assert 1 < len(batch.lines) < 6
    assert ship(backlog, 3000) == list(range(20))


def test_lines_that_were_not_marked_are_returned_again(
    backlog: Backlog, write: Write, file: Path
) -> None:
    """After a crash between sending and marking, the server receives the same lines twice."""
    write(1)
    assert backlog.next_lines(PLENTY) == backlog.next_lines(PLENTY) != None  # noqa: E711
    write(2)
    assert ship(backlog) == [1, 2]


def test_the_position_is_stored_for_the_next_process(write: Write, file: Path) -> None:
    write(1, 2)
    with Backlog(file).exclusive() as may_ship:
        assert may_ship
    first = Backlog(file)
    with first.exclusive():
        assert ship(first) == [1, 2]
    write(3)
    second = Backlog(file)
    with second.exclusive():
        assert ship(second) == [3]


def test_one_process_ships_at_a_time(backlog: Backlog, file: Path) -> None:
    with Backlog(file).exclusive() as may_ship:
        assert not may_ship


def test_an_incomplete_line_is_not_shipped(backlog: Backlog, write: Write, file: Path) -> None:
    write(1, 2)
    content = file.read_bytes()
    file.write_bytes(content[:-10])
    assert ship(backlog) == [1]
    file.write_bytes(content)
    assert ship(backlog) == [2]


def test_a_rotated_file_is_shipped_to_its_end(backlog: Backlog, write: Write, file: Path) -> None:
    write(1, 2)
    assert ship(backlog) == [1, 2]
    write(3)
    rotate(file, "audit.log.1")
    write(4)
    assert ship(backlog) == [3, 4]


def test_a_file_that_was_just_rotated_may_still_grow(
    backlog: Backlog, write: Write, file: Path
) -> None:
    """A writer may append to a rotated file, so a recently changed file is read again."""
    write(1)
    assert ship(backlog) == [1]
    rotated = file.rename(file.with_name("audit.log.1"))
    write(2)
    assert ship(backlog) == []
    late = file.read_bytes().replace(b"1.2", b"1.9", 2)
    with rotated.open("ab") as descriptor:
        descriptor.write(late)
    assert ship(backlog) == [9]
    make_old(rotated)
    assert ship(backlog) == [2]


@pytest.mark.parametrize("before", ["current", "rotated"])
def test_a_rotation_during_the_search_for_files_skips_no_line(
    backlog: Backlog, write: Write, file: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """Between listing and reading the files, a rotation may give a file's name to another file."""
    write(1)
    assert ship(backlog) == [1]
    write(2)
    if before == "rotated":
        rotate(file, "audit.log.1")
        write(3)
    unread = backlog._unread()
    if before == "rotated":
        rotate(file.with_name("audit.log.1"), "audit.log.2")
    rotate(file, "audit.log.1")
    write(4, 5, 6)
    with monkeypatch.context() as moment:
        moment.setattr(backlog, "_unread", lambda: unread)
        assert backlog.next_lines(PLENTY) is None
    unshipped = [2, 4, 5, 6] if before == "current" else [2, 3, 4, 5, 6]
    assert ship(backlog) == unshipped


@pytest.mark.parametrize("compressed", [False, True])
def test_after_many_rotations_all_lines_are_shipped_in_order(
    backlog: Backlog, write: Write, file: Path, compressed: bool
) -> None:
    """The files are named as by logrotate: the newest file has the lowest number."""
    write(1)
    assert ship(backlog) == [1]
    write(2)
    for days in range(12):
        for number in range(days, 0, -1):
            suffix = ".gz" if compressed and number > 1 else ""
            old = file.with_name(f"audit.log.{number}{suffix}")
            old.rename(file.with_name(f"audit.log.{number + 1}{suffix}"))
        rotated = rotate(file, "audit.log.1")
        if compressed and days > 0:
            compress(file.with_name("audit.log.2"))
        make_old(rotated)
        write(10 + days)
    assert ship(backlog, limit=500) == [2, *range(10, 22)]


def compress(path: Path) -> None:
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    make_old(packed)
    path.unlink()


def test_a_file_that_is_being_compressed_is_shipped_once(
    backlog: Backlog, write: Write, file: Path
) -> None:
    """During the compression, both files exist for some time; the compressed file is incomplete."""
    write(1)
    assert ship(backlog) == [1]
    write(*range(2, 200))
    rotated = rotate(file, "audit.log.1")
    packed = gzip.compress(rotated.read_bytes())
    copy = file.with_name("audit.log.1.gz")
    copy.write_bytes(packed[: len(packed) // 2])
    make_old(copy)
    write(200)
    assert ship(backlog) == [*range(2, 201)]


def test_rotation_by_copying_loses_no_line(backlog: Backlog, write: Write, file: Path) -> None:
    """logrotate's `copytruncate` keeps the inode of the file and truncates the file."""
    write(1)
    assert ship(backlog) == [1]
    write(2)
    copy = file.with_name("audit.log.1")
    shutil.copy(file, copy)
    make_old(copy)
    os.truncate(file, 0)
    write(3)
    assert ship(backlog) == [2, 3]


def test_a_new_file_with_the_old_inode_is_another_file(
    backlog: Backlog, write: Write, file: Path
) -> None:
    """File systems reuse inodes, so a new file may have the inode of a deleted file."""
    write(1)
    assert ship(backlog) == [1]
    os.truncate(file, 0)
    write(2, 3, 4)
    with capture_logs() as logs:
        assert ship(backlog) == [2, 3, 4]
    assert [entry["event"] for entry in logs] == ["audit_file_missing"]


@pytest.mark.tools("logrotate")
def test_the_shipped_logrotate_file_loses_no_line(
    backlog: Backlog, write: Write, file: Path, tmp_path: Path
) -> None:
    """logrotate runs for three days with the file in deploy/; the server is down for two days."""
    example = (ROOT / "deploy" / "osteoscreen.logrotate").read_text()
    adapted = example.replace("/var/lib/osteoscreen/audit.log", str(file))
    rules = tmp_path / "rules"
    rules.write_text(re.sub(r"^ *su .*$", "", adapted, flags=re.MULTILINE))
    write(1)
    assert ship(backlog) == [1]
    for day in range(3):
        write(10 + day)
        logrotate = run("logrotate", "--force", "--state", tmp_path / "state", rules)
        assert logrotate.returncode == 0, logrotate.stderr
        assert not file.exists()
    rotated = sorted(tmp_path.glob("audit.log.*"))
    assert [path.suffix for path in rotated] == [".1", ".gz", ".gz"]
    for path in rotated:
        make_old(path)
    write(20)
    assert ship(backlog) == [10, 11, 12, 20]


def test_other_files_are_ignored(backlog: Backlog, write: Write, file: Path) -> None:
    for name in ("audit.log.readme", "audit.log.2.gz", "other.log"):
        other_file = file.with_name(name)
        other_file.write_bytes(b"<1>no line of a trail\n")
        make_old(other_file)
    file.with_name("audit.log.d").mkdir()
    write(1)
    assert ship(backlog) == [1]


def test_the_number_of_unshipped_bytes(write: Write, file: Path) -> None:
    backlog = Backlog(file)
    assert backlog.unshipped_bytes() == 0
    write(1)
    size = file.stat().st_size
    assert backlog.unshipped_bytes() == size
    with backlog.exclusive():
        ship(backlog)
    assert backlog.unshipped_bytes() == 0
    write(2)
    assert backlog.unshipped_bytes() == file.stat().st_size - size
