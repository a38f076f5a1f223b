"""A PACS that keeps the UID of each object and none of its bytes."""

import threading
from collections import Counter
from types import TracebackType
from typing import Self

from pydicom.uid import (
    Comprehensive3DSRStorage,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from tests.peers.waiting import free_port


class CountingPacs:
    """Listens on loopback while it is entered."""

    def __init__(self) -> None:
        self.port = free_port()
        self._lock = threading.Lock()
        self._stored: dict[str, Counter[str]] = {
            str(Comprehensive3DSRStorage): Counter(),
            str(SecondaryCaptureImageStorage): Counter(),
        }

    def __enter__(self) -> Self:
        ae = AE("COUNTING")
        ae.add_supported_context(Verification)
        for sop_class in self._stored:
            ae.add_supported_context(sop_class, ExplicitVRLittleEndian)
        self._server = ae.start_server(
            ("127.0.0.1", self.port), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.shutdown()

    @property
    def reports(self) -> int:
        """How many different reports have come."""
        return self._distinct(str(Comprehensive3DSRStorage))

    @property
    def heatmaps(self) -> int:
        """How many different heatmaps have come."""
        return self._distinct(str(SecondaryCaptureImageStorage))

    def _distinct(self, sop_class: str) -> int:
        with self._lock:
            return len(self._stored[sop_class])

    def _store(self, event: evt.Event) -> int:
        request = event.request
        with self._lock:
            arrived = self._stored[str(request.AffectedSOPClassUID)]
            arrived[str(request.AffectedSOPInstanceUID)] += 1
        return 0x0000
