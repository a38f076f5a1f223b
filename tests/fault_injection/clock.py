"""Give a node a fast wall clock, by a preloaded library or by changed times in the job table.

With a C compiler, the library is built from `clock.c`. The library reads the clock offset from a
file, which may change while the node runs. Without a compiler, times in the job table are changed.
"""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Self

from node.jobs.tables import delivery, job
from tests.fault_injection.environment import Environment
from tests.peers.programs import find

CLOCK_OFFSET = timedelta(hours=2)
SOURCE = Path(__file__).with_name("clock.c")
_BYTES = 8


class NodeClock:
    """The clock of a node. On exit of the context, the node stops and its clock is correct."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._offset_file = environment.folder / "clock"
        self._library = _build_library(environment.folder / "clock.so")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._environment.node.stop()
        self._environment.node.environment = {}

    def advance(self) -> None:
        """Advance the clock by `CLOCK_OFFSET` from the node's next start."""
        if self._library is not None:
            self._write_offset(CLOCK_OFFSET)
            self._environment.node.environment = {
                "LD_PRELOAD": str(self._library),
                "CLOCK_OFFSET_FILE": str(self._offset_file),
            }

    def correct(self) -> None:
        """Correct the clock, also for running processes."""
        if self._library is not None:
            self._write_offset(timedelta(0))
            return
        for table in (job, delivery):
            self._environment.job_table.shift_times(table, CLOCK_OFFSET)

    def _write_offset(self, offset: timedelta) -> None:
        """Write the offset in place, because running processes have the file mapped."""
        seconds = int(offset.total_seconds()).to_bytes(_BYTES, sys.byteorder, signed=True)
        with self._offset_file.open("r+b" if self._offset_file.exists() else "wb") as file:
            file.write(seconds)


def _build_library(library: Path) -> Path | None:
    """Build the library; return its path, or None without a compiler."""
    compiler = find("cc")
    if compiler is None:
        return None
    command = [str(compiler), "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library
