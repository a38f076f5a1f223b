"""A PACS that stores the UID of each object, but no pixels."""

import threading
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
    """A PACS that listens on loopback while the context is open."""

    def __init__(self) -> None:
        self.port = free_port()
        self._lock = threading.Lock()
        self._stored: dict[str, set[str]] = {
            str(Comprehensive3DSRStorage): set(),
            str(SecondaryCaptureImageStorage): set(),
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

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()

    @property
    def reports(self) -> int:
        """The number of different reports."""
        return self._count(str(Comprehensive3DSRStorage))

    @property
    def heatmaps(self) -> int:
        """The number of different heatmaps."""
        return self._count(str(SecondaryCaptureImageStorage))

    def _count(self, sop_class: str) -> int:
        with self._lock:
            return len(self._stored[sop_class])

    def _store(self, event: evt.Event) -> int:
        request = event.request
        with self._lock:
            uids = self._stored[str(request.AffectedSOPClassUID)]
            uids.add(str(request.AffectedSOPInstanceUID))
        return 0x0000
