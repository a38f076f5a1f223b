"""The lines of the audit trail that the syslog server has not received, also in rotated files.

A file is identified by time, host and process of its first line, which are unique and sort by time.
An inode would not identify a file, because file systems reuse inodes and compression changes them.
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

from node.audit.syslog_line import MAX_LINE, identifier_of
from node.files import write_atomically

# A rotated file counts as complete after this time without a change, because writers open the
# file for each record.
_SETTLED_SECONDS = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ShippedPosition:
    """The end of the shipped part of a trail: the identifier of a file, and an offset in bytes."""

    file: str
    offset: int


@dataclass(frozen=True, slots=True)
class UnshippedLines:
    """Lines to ship, without line feeds, and the position after these lines."""

    lines: Sequence[bytes]
    end: ShippedPosition


class Backlog:
    """The unshipped part of an audit trail, with a position that is stored durably."""

    def __init__(self, trail: Path) -> None:
        self._trail = trail
        self._state = trail.with_name(f".{trail.name}.shipped")
        self._position: ShippedPosition | None = None

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[bool]:
        """Yield whether this process may ship; during the block, no other process may ship."""
        with self._state.with_suffix(".lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                self._position = _read_position(self._state)
                yield True

    def next_lines(self, limit: int) -> UnshippedLines | None:
        """Return the oldest unshipped lines, of about `limit` bytes, or None without such lines."""
        unread = self._unread()
        for position, path in unread:
            unshipped = _read_lines(path, position, limit)
            if unshipped is None:  # the file was rotated meanwhile; the next call reads it
                return None
            if unshipped.lines:
                if self._position is not None and unread[0][0].file != self._position.file:
                    log.error("audit_file_missing", after=self._position.file)
                return unshipped
            if path != self._trail and time.time() - path.stat().st_mtime < _SETTLED_SECONDS:
                return None
        return None

    def mark_shipped(self, end: ShippedPosition) -> None:
        """Store the position durably, or raise OSError."""
        self._position = end
        write_atomically(self._state, json.dumps(asdict(end)).encode())

    def unshipped_bytes(self) -> int:
        """Return the number of unshipped bytes; a gzip file counts with its compressed size."""
        self._position = _read_position(self._state)
        return sum(
            max(0, path.stat().st_size - position.offset) for position, path in self._unread()
        )

    def _unread(self) -> list[tuple[ShippedPosition, Path]]:
        """Return each file with unshipped lines, and the position where these lines start."""
        current = _identifier(self._trail)
        position = self._position
        if position is not None and current == position.file:
            return [(position, self._trail)]
        files = sorted(self._rotated().items())
        files += [(current, self._trail)] if current else []
        if position is None:
            return [(ShippedPosition(name, 0), path) for name, path in files]
        return [
            (position if name == position.file else ShippedPosition(name, 0), path)
            for name, path in files
            if name >= position.file or path == self._trail
        ]

    def _rotated(self) -> dict[str, Path]:
        """Return the rotated files by identifier; a file and its compressed copy count once."""
        files: dict[str, Path] = {}
        for path in sorted(self._trail.parent.iterdir()):
            is_rotated = path.name.startswith(self._trail.name) and path != self._trail
            if is_rotated and path.is_file() and (name := _identifier(path)):
                files.setdefault(name, path)
        return files


def _read_lines(path: Path, start: ShippedPosition, limit: int) -> UnshippedLines | None:
    """Return the complete lines after a position, or None if the path now leads to another file."""
    lines, end = [], start.offset
    with _open(path) as file:
        if path.suffix != ".gz":
            os.fsync(file.fileno())  # a power cut must not leave a position after the end
        try:
            if identifier_of(file.readline(MAX_LINE)) != start.file:
                return None
            file.seek(start.offset)
            while end - start.offset < limit and (line := file.readline()).endswith(b"\n"):
                end += len(line)
                if line.strip():
                    lines.append(line.rstrip(b"\n"))
        except (EOFError, gzip.BadGzipFile, zlib.error):
            log.error("audit_file_damaged", file=str(path))
    return UnshippedLines(lines, ShippedPosition(start.file, end))


def _identifier(path: Path) -> str:
    """Return the identifier of a file, or "" if the file is empty or cannot be read."""
    try:
        with _open(path) as file:
            return identifier_of(file.readline(MAX_LINE))
    except (OSError, EOFError, zlib.error):
        return ""


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _read_position(state: Path) -> ShippedPosition | None:
    try:
        return ShippedPosition(**json.loads(state.read_text()))
    except (OSError, ValueError, TypeError):
        return None
