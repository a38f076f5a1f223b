"""A PACS that answers every C-STORE with the status that a test sets."""

from dataclasses import dataclass, field
from typing import Any

from pynetdicom import AE, evt

from node.pacs.association import RESULT_CLASSES, VERIFICATION
from tests.peers.orthanc import Instance
from tests.peers.waiting import free_port

_SUCCESS = 0x0000


@dataclass
class AnsweringPacs:
    """A PACS that stores objects if the status is 0x0000, and counts refused objects otherwise."""

    port: int = field(default_factory=free_port)
    status: int = _SUCCESS
    refused: int = 0
    stored: dict[str, Instance] = field(default_factory=dict)
    _server: Any = None

    ae_title = "ANSWERS"

    def start(self) -> None:
        """Listen on loopback."""
        ae = AE(self.ae_title)
        for sop_class in (*RESULT_CLASSES, VERIFICATION):
            ae.add_supported_context(sop_class)
        handlers: list[Any] = [(evt.EVT_C_STORE, self._on_store)]
        self._server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()

    def set_status(self, status: int) -> None:
        """Answer with this status from now on, and reset the counter."""
        self.refused, self.status = 0, status

    def instances(self) -> list[Instance]:
        """Return the stored objects, one for each SOP Instance UID."""
        return list(self.stored.values())

    def _on_store(self, event: evt.Event) -> int:
        status = self.status
        if status != _SUCCESS:
            self.refused += 1
            return status
        ds = event.dataset
        uids = (str(ds.SOPClassUID), str(ds.SOPInstanceUID), str(ds.StudyInstanceUID))
        self.stored[uids[1]] = Instance(uids[1], *uids)
        return status
