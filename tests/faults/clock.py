"""A node whose clock runs ahead: by libfaketime where it is installed, else in its rows.

libfaketime (Debian: libfaketime) tells the node's processes another time, and nobody else.
Without it the times in the job table are moved by as much, which is what such a machine leaves.
"""

from datetime import timedelta
from typing import Self

from node.jobs.tables import delivery, job
from tests.faults.house import House
from tests.peers.programs import find

SKEWED_BY = timedelta(hours=2)
LIBRARY = "libfaketimeMT.so.1"


class Clock:
    """A node's clock. On leaving it is right, whatever happened."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._library = find(LIBRARY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._house.node.environment = {}

    def ahead(self) -> None:
        """From its next start on the node's clock runs ahead."""
        if self._library is not None:
            self._house.node.environment = {
                "LD_PRELOAD": str(self._library),
                "FAKETIME": f"+{SKEWED_BY.total_seconds():.0f}",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }

    def right(self) -> None:
        """From its next start on the node's clock is right."""
        if self._library is None:
            for table in (job, delivery):
                self._house.records.shift(table, SKEWED_BY)
        self._house.node.environment = {}
