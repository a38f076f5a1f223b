"""The rows of a run under way, beside the table: what a killed run leaves to the next one."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from node.batch.row import Row
from node.domain.errors import Misconfigured, Permanent

_SYNC_EVERY = 2.0  # seconds of work that a power cut may cost; a kill costs none that was appended


class Journal:
    """Rows as JSON, one a line, only ever appended to, in a file that one run holds locked."""

    def __init__(self, file: BinaryIO, clock: Callable[[], float] = monotonic) -> None:
        self._file = file
        self._clock = clock
        self._synced = clock()
        self.rows: Sequence[Row] = tuple(_rows(file))
        """What an earlier run left."""
        self._end_torn_line()

    def append(self, rows: Sequence[Row]) -> None:
        """Keep rows: in the kernel's hands on return, on the disk within seconds."""
        try:
            for row in rows:
                self._file.write(json.dumps(row.cells()).encode() + b"\n")
            self._file.flush()
            if self._clock() - self._synced > _SYNC_EVERY:
                os.fsync(self._file.fileno())
                self._synced = self._clock()
        except OSError as error:
            raise Permanent(f"{self._file.name} cannot be written: {error.strerror}") from None

    def _end_torn_line(self) -> None:
        size = self._file.seek(0, os.SEEK_END)
        if size:
            self._file.seek(size - 1)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")


@contextmanager
def open_journal(table: Path) -> Iterator[Journal]:
    """Open the journal of a table; it is deleted when the block ends without an error.

    Raises Misconfigured where the folder cannot be written to, or another run is at it.
    """
    path = table.with_name(f"{table.name}.journal")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise Misconfigured(f"--out: {table}: {error.strerror}; name another file") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Misconfigured(
                f"--out: another run writes {table}; wait for it, or name another file"
            ) from None
        try:
            yield Journal(file)
        except BaseException:
            if path.stat().st_size == 0:  # nothing to go on from
                path.unlink()
            raise
        path.unlink()


def _rows(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows that are whole; a kill may have torn the last one."""
    file.seek(0)
    for line in file:
        try:
            yield Row.of_cells(json.loads(line))
        except (ValueError, TypeError):
            continue
