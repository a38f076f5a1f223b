"""The journal of a run: the finished rows, with which the next run continues after a kill."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from node.batch.row import ScoreRow
from node.domain.errors import Misconfigured, Permanent

_SYNC_EVERY = 2.0  # seconds of rows that a power cut may lose; a kill loses none


class Journal:
    """A file with one row as JSON per line, to which only the run that locks the file appends."""

    def __init__(self, file: BinaryIO, clock: Callable[[], float] = monotonic) -> None:
        self._file = file
        self._clock = clock
        self._synced = clock()
        self.rows: Sequence[ScoreRow] = tuple(_rows(file))
        """The rows of an earlier run that was interrupted."""
        self._end_torn_line()

    def append(self, rows: Sequence[ScoreRow]) -> None:
        """Write rows. A kill loses no row. A power cut loses only the rows of the last seconds."""
        try:
            for row in rows:
                self._file.write(json.dumps(asdict(row)).encode() + b"\n")
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
    """Open the journal of a table, and delete the journal if the block ends without an error.

    Raises Misconfigured if the folder is not writable or another run uses the journal.
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
            if path.stat().st_size == 0:  # nothing to continue
                path.unlink()
            raise
        path.unlink()


def _rows(file: BinaryIO) -> Iterator[ScoreRow]:
    """Yield the complete rows, because a kill may have cut off the last row."""
    file.seek(0)
    for line in file:
        try:
            yield ScoreRow.of_cells(json.loads(line))
        except (ValueError, TypeError):
            continue
