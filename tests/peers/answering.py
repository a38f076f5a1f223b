"""A PACS that answers each C-STORE as a test says, and keeps what it says to have stored."""

from dataclasses import dataclass, field
from typing import Any

from pynetdicom import AE, evt

from node.pacs.association import RESULT_CLASSES, VERIFICATION
from tests.peers.orthanc import Instance
from tests.peers.waiting import free_port

_SUCCESS = 0x0000


@dataclass
class AnsweringPacs:
    """Stores what it answers 0x0000; `refused` counts what it answered otherwise."""

    port: int = field(default_factory=free_port)
    answer: int = _SUCCESS
    refused: int = 0
    held: dict[str, Instance] = field(default_factory=dict)
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
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()

    def answers(self, status: int) -> None:
        """Answer like this from now on, and count anew."""
        self.refused, self.answer = 0, status

    def instances(self) -> list[Instance]:
        """Return what it holds; an object that came twice is one."""
        return list(self.held.values())

    def _on_store(self, event: evt.Event) -> int:
        status = self.answer
        if status != _SUCCESS:
            self.refused += 1
            return status
        ds = event.dataset
        uids = (str(ds.SOPClassUID), str(ds.SOPInstanceUID), str(ds.StudyInstanceUID))
        self.held[uids[1]] = Instance(uids[1], *uids)
        return status
