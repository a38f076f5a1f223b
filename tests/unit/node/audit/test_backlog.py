"""What is still to be shipped, through rotations of every kind."""

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
    """Return a function that records films by number, each a second later than the one before."""
    clock = iter(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n) for n in range(1000))
    trail = FileTrail(file, NODE, lambda: next(clock))

    def films(*numbers: int) -> None:
        for number in numbers:
            trail.record(FilmReceived(XRAY, Instance("1.2", f"1.{number}", "1")))

    return films


@pytest.fixture
def backlog(file: Path) -> Iterator[Backlog]:
    """Return the backlog as the process that ships has it."""
    made = Backlog(file)
    with made.held() as ours:
        assert ours
        yield made


def number_of(line: bytes) -> int:
    [uid] = parse(line).instances
    return int(uid.removeprefix("1."))


def ship(backlog: Backlog, limit: int = PLENTY) -> list[int]:
    """Return the numbers of the films in all that is not shipped, and count them as shipped."""
    numbers: list[int] = []
    while batch := backlog.next(limit):
        numbers += map(number_of, batch.lines)
        backlog.shipped(batch.reached)
    return numbers


def rest(path: Path) -> None:
    """Make a rotated file look as it does a while after."""
    os.utime(path, (0, 0))


def rotate(file: Path, to: str) -> Path:
    rotated = file.rename(file.with_name(to))
    rest(rotated)
    return rotated


def test_each_line_comes_once(backlog: Backlog, write: Write) -> None:
    assert ship(backlog) == []
    write(1, 2, 3)
    assert ship(backlog) == [1, 2, 3]
    assert ship(backlog) == []
    write(4)
    assert ship(backlog) == [4]


def test_a_batch_has_whole_lines_and_about_so_many_bytes(backlog: Backlog, write: Write) -> None:
    write(*range(20))
    batch = backlog.next(3000)
    assert batch is not None
    assert 1 < len(batch.lines) < 6
    assert ship(backlog, 3000) == list(range(20))


def test_what_was_not_counted_as_shipped_comes_again(
    backlog: Backlog, write: Write, file: Path
) -> None:
    """A crash between sending and remembering: the server gets it twice rather than never."""
    write(1)
    assert backlog.next(PLENTY) == backlog.next(PLENTY) != None  # noqa: E711
    write(2)
    assert ship(backlog) == [1, 2]


def test_the_place_outlives_the_process(write: Write, file: Path) -> None:
    write(1, 2)
    with Backlog(file).held() as ours:
        assert ours
    first = Backlog(file)
    with first.held():
        assert ship(first) == [1, 2]
    write(3)
    second = Backlog(file)
    with second.held():
        assert ship(second) == [3]


def test_one_process_ships_at_a_time(backlog: Backlog, file: Path) -> None:
    with Backlog(file).held() as ours:
        assert not ours


def test_a_line_under_way_waits_for_its_end(backlog: Backlog, write: Write, file: Path) -> None:
    write(1, 2)
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    assert ship(backlog) == [1]
    file.write_bytes(whole)
    assert ship(backlog) == [2]


def test_a_rotated_file_is_shipped_to_its_end(backlog: Backlog, write: Write, file: Path) -> None:
    write(1, 2)
    assert ship(backlog) == [1, 2]
    write(3)
    rotate(file, "audit.log.1")
    write(4)
    assert ship(backlog) == [3, 4]


def test_a_file_just_rotated_may_still_be_written_to(
    backlog: Backlog, write: Write, file: Path
) -> None:
    """By a writer that had opened it the moment before: it is not left before that is over."""
    write(1)
    assert ship(backlog) == [1]
    rotated = file.rename(file.with_name("audit.log.1"))
    write(2)
    assert ship(backlog) == []
    late = file.read_bytes().replace(b"1.2", b"1.9", 2)
    with rotated.open("ab") as descriptor:
        descriptor.write(late)
    assert ship(backlog) == [9]
    rest(rotated)
    assert ship(backlog) == [2]


@pytest.mark.parametrize("before", ["current", "rotated"])
def test_a_rotation_while_files_are_looked_at_skips_nothing(
    backlog: Backlog, write: Write, file: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """Between the look at names and the reading, another file may come to bear a name."""
    write(1)
    assert ship(backlog) == [1]
    write(2)
    if before == "rotated":
        rotate(file, "audit.log.1")
        write(3)
    seen = backlog._unread()
    if before == "rotated":
        rotate(file.with_name("audit.log.1"), "audit.log.2")
    rotate(file, "audit.log.1")
    write(4, 5, 6)
    with monkeypatch.context() as moment:
        moment.setattr(backlog, "_unread", lambda: seen)
        assert backlog.next(PLENTY) is None
    left = [2, 4, 5, 6] if before == "current" else [2, 3, 4, 5, 6]
    assert ship(backlog) == left


@pytest.mark.parametrize("compressed", [False, True])
def test_a_server_that_is_down_for_many_rotations_gets_all_in_order(
    backlog: Backlog, write: Write, file: Path, compressed: bool
) -> None:
    """As logrotate names them: the newest has the lowest number."""
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
        rest(rotated)
        write(10 + days)
    assert ship(backlog, limit=500) == [2, *range(10, 22)]


def compress(path: Path) -> None:
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    rest(packed)
    path.unlink()


def test_a_file_that_is_being_compressed_comes_once(
    backlog: Backlog, write: Write, file: Path
) -> None:
    """For a while both are there, and the copy is not whole."""
    write(1)
    assert ship(backlog) == [1]
    write(*range(2, 200))
    rotated = rotate(file, "audit.log.1")
    packed = gzip.compress(rotated.read_bytes())
    copy = file.with_name("audit.log.1.gz")
    copy.write_bytes(packed[: len(packed) // 2])
    rest(copy)
    write(200)
    assert ship(backlog) == [*range(2, 201)]


def test_rotation_by_copying_is_survived(backlog: Backlog, write: Write, file: Path) -> None:
    """The file keeps its inode and begins anew."""
    write(1)
    assert ship(backlog) == [1]
    write(2)
    copy = file.with_name("audit.log.1")
    shutil.copy(file, copy)
    rest(copy)
    os.truncate(file, 0)
    write(3)
    assert ship(backlog) == [2, 3]


def test_a_new_file_with_the_old_inode_is_another_file(
    backlog: Backlog, write: Write, file: Path
) -> None:
    """File systems give inodes anew; here the very same one, and a longer file."""
    write(1)
    assert ship(backlog) == [1]
    os.truncate(file, 0)
    write(2, 3, 4)
    with capture_logs() as told:
        assert ship(backlog) == [2, 3, 4]
    assert [one["event"] for one in told] == ["audit_file_gone"]


@pytest.mark.tools("logrotate")
def test_the_rotation_that_we_ship_loses_nothing(
    backlog: Backlog, write: Write, file: Path, tmp_path: Path
) -> None:
    """Logrotate itself, by the file in deploy/: three days, of which the server misses two."""
    example = (ROOT / "deploy" / "osteoscreen.logrotate").read_text()
    ours = example.replace("/var/lib/osteoscreen/audit.log", str(file))
    rules = tmp_path / "rules"
    rules.write_text(re.sub(r"^ *su .*$", "", ours, flags=re.MULTILINE))
    write(1)
    assert ship(backlog) == [1]
    for day in range(3):
        write(10 + day)
        done = run("logrotate", "--force", "--state", tmp_path / "state", rules)
        assert done.returncode == 0, done.stderr
        assert not file.exists()
    rotated = sorted(tmp_path.glob("audit.log.*"))
    assert [path.suffix for path in rotated] == [".1", ".gz", ".gz"]
    for path in rotated:
        rest(path)
    write(20)
    assert ship(backlog) == [10, 11, 12, 20]


def test_files_of_others_are_let_alone(backlog: Backlog, write: Write, file: Path) -> None:
    for name in ("audit.log.readme", "audit.log.2.gz", "other.log"):
        rest_of = file.with_name(name)
        rest_of.write_bytes(b"<1>no line of a trail\n")
        rest(rest_of)
    file.with_name("audit.log.d").mkdir()
    write(1)
    assert ship(backlog) == [1]


def test_how_much_waits_can_be_told(write: Write, file: Path) -> None:
    backlog = Backlog(file)
    assert backlog.size() == 0
    write(1)
    size = file.stat().st_size
    assert backlog.size() == size
    with backlog.held():
        ship(backlog)
    assert backlog.size() == 0
    write(2)
    assert backlog.size() == file.stat().st_size - size
