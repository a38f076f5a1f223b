"""What of an audit trail a syslog server does not have yet, also where the file was rotated away.

A file is known by its first line, not by its inode: file systems give inodes anew, and a
compressed copy has another, while no two records share time, host and process. Names of first
lines sort by time, so that rotated files are read in their order, the current one last.
"""

import contextlib
import fcntl
import gzip
import json
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import structlog

from node.audit.syslog_line import MAX_LINE, name_of
from node.files import write_atomically

# How long a rotated file must have rested before it counts as complete: a writer opens the file
# for each record, so that one that came just before the rotation is done long before that.
_SETTLED_SECONDS = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Place:
    """How far a trail is shipped: the name of a file's first line, and a number of bytes."""

    file: str
    offset: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines to be shipped, without their ends, and the place that is reached with them."""

    lines: Sequence[bytes]
    reached: Place


class Backlog:
    """The part of one trail that is not shipped, and the durable place where that begins."""

    def __init__(self, trail: Path) -> None:
        self._trail = trail
        self._state = trail.with_name(f".{trail.name}.shipped")
        self._place: Place | None = None

    @contextlib.contextmanager
    def held(self) -> Iterator[bool]:
        """Yield whether this process is the one that ships, until the block ends."""
        with self._state.with_suffix(".lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                self._place = _read(self._state)
                yield True

    def next(self, limit: int) -> Batch | None:
        """Return the oldest lines not shipped, about `limit` bytes of them, or None for none."""
        unread = self._unread()
        for place, path in unread:
            batch = _batch(path, place, limit)
            if batch is None:  # it was rotated away in this very moment: look again
                return None
            if batch.lines:
                if self._place is not None and unread[0][0].file != self._place.file:
                    log.error("audit_file_gone", after=self._place.file)
                return batch
            if path != self._trail and time.time() - path.stat().st_mtime < _SETTLED_SECONDS:
                return None
        return None

    def shipped(self, reached: Place) -> None:
        """Remember a place, durable on return; raise OSError where that is not possible."""
        self._place = reached
        write_atomically(self._state, json.dumps(asdict(reached)).encode())

    def size(self) -> int:
        """Return how many bytes are not shipped; compressed files count as they are."""
        self._place = _read(self._state)
        return sum(max(0, path.stat().st_size - at.offset) for at, path in self._unread())

    def _unread(self) -> list[tuple[Place, Path]]:
        """Return the files that may hold lines to ship, each with where these begin."""
        current = _name(self._trail)
        place = self._place
        if place is not None and current == place.file:
            return [(place, self._trail)]
        files = sorted(self._rotated().items())
        files += [(current, self._trail)] if current else []
        if place is None:
            return [(Place(name, 0), path) for name, path in files]
        return [
            (place if name == place.file else Place(name, 0), path)
            for name, path in files
            if name >= place.file or path == self._trail
        ]

    def _rotated(self) -> dict[str, Path]:
        """Return the files that were rotated away, by name; none twice while it is compressed."""
        found: dict[str, Path] = {}
        for path in sorted(self._trail.parent.iterdir()):
            beside = path.name.startswith(self._trail.name) and path != self._trail
            if beside and path.is_file() and (name := _name(path)):
                found.setdefault(name, path)
        return found


def _batch(path: Path, place: Place, limit: int) -> Batch | None:
    """Return the whole lines of a file from a place on, or None if another file is there now."""
    lines, end = [], place.offset
    with _opened(path) as file:
        if path.suffix != ".gz":
            os.fsync(file.fileno())  # lest a power cut leave a place beyond the end of the file
        try:
            if name_of(file.readline(MAX_LINE)) != place.file:
                return None
            file.seek(place.offset)
            while end - place.offset < limit and (line := file.readline()).endswith(b"\n"):
                end += len(line)
                if line.strip():
                    lines.append(line.rstrip(b"\n"))
        except (EOFError, gzip.BadGzipFile, zlib.error):
            log.error("audit_file_damaged", file=str(path))
    return Batch(lines, Place(place.file, end))


def _name(path: Path) -> str:
    """Return the name of a file's first line, "" for a file that has none or cannot be read."""
    try:
        with _opened(path) as file:
            return name_of(file.readline(MAX_LINE))
    except (OSError, EOFError, zlib.error):
        return ""


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _read(state: Path) -> Place | None:
    try:
        return Place(**json.loads(state.read_text()))
    except (OSError, ValueError, TypeError):
        return None
