"""A node whose wall clock runs ahead: by a preloaded library, else in the rows that it leaves.

The library is compiled from clock.c where there is a C compiler, and told the time by a file, so
that the clock can be set under a running node. Without it the times in the job table are moved.
"""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Self

from node.jobs.tables import delivery, job
from tests.fault_injection.house import House
from tests.peers.programs import find

SKEWED_BY = timedelta(hours=2)
SOURCE = Path(__file__).with_name("clock.c")
_BYTES = 8


class Clock:
    """A node's clock. On leaving the node has ended, and its next start has the right time."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._ahead = house.folder / "clock"
        self._library = _compiled(house.folder / "clock.so")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._house.node.stop()
        self._house.node.environment = {}

    def ahead(self) -> None:
        """From its next start on the node's clock runs ahead."""
        if self._library is not None:
            self._set(SKEWED_BY)
            preloaded = {"LD_PRELOAD": str(self._library), "FAULTS_CLOCK": str(self._ahead)}
            self._house.node.environment = preloaded

    def right(self) -> None:
        """Set the node's clock right, also for processes that run."""
        if self._library is not None:
            self._set(timedelta(0))
            return
        for table in (job, delivery):
            self._house.records.shift(table, SKEWED_BY)

    def _set(self, ahead: timedelta) -> None:
        """Write in place: running nodes have this very file before their eyes."""
        seconds = int(ahead.total_seconds()).to_bytes(_BYTES, sys.byteorder, signed=True)
        with self._ahead.open("r+b" if self._ahead.exists() else "wb") as file:
            file.write(seconds)


def _compiled(library: Path) -> Path | None:
    """Return the library, None where it cannot be made here."""
    compiler = find("cc")
    if compiler is None:
        return None
    command = [str(compiler), "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library
