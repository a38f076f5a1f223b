"""A PACS refuses every object, with the name of the patient in the Error Comment."""

from typing import Any

from pydicom import Dataset
from pynetdicom import AE, evt

from node.pacs.association import RESULT_CLASSES
from tests.peers.waiting import free_port


class QuotingPacs:
    """A PACS that answers every C-STORE with 0xC123 and the patient's name in the Error Comment."""

    ae_title = "QUOTING"

    def __init__(self) -> None:
        self.port = free_port()
        self.refused = 0
        ae = AE(self.ae_title)
        for sop_class in RESULT_CLASSES:
            ae.add_supported_context(sop_class)
        self._server: Any = ae.start_server(
            ("127.0.0.1", self.port), block=False, evt_handlers=[(evt.EVT_C_STORE, self._refuse)]
        )

    def destination(self) -> dict[str, Any]:
        """Return the configuration of this PACS as a destination."""
        peer = {"host": "127.0.0.1", "port": self.port, "timeout": 10}
        return {"name": "quoting", "ae_title": self.ae_title} | peer

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()

    def _refuse(self, event: evt.Event) -> Any:
        self.refused += 1
        patient = f"{event.dataset.PatientName} {event.dataset.PatientID}"
        status = Dataset()
        status.Status = 0xC123
        status.ErrorComment = f"No such patient: {patient}"[:64]
        return status
