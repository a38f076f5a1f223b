"""A PACS that stores every object, and sends storage commitment reports when a test asks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association

from node.pacs.association import RESULT_CLASSES, VERIFICATION
from node.pacs.commitment import PUSH_MODEL, PUSH_MODEL_INSTANCE
from tests.peers.waiting import free_port

NO_SUCH_OBJECT = 0x0112
_ALL_COMMITTED, _SOME_FAILED = 1, 2


@dataclass(frozen=True, slots=True)
class CommitmentRequest:
    """One N-ACTION request: transaction UID, and (SOP Class, SOP Instance) of each object."""

    transaction_uid: str
    objects: tuple[tuple[str, str], ...]


@dataclass
class CommittingPacs:
    """A PACS that stores everything; `report` sends a report to the node on `node_port`."""

    node_port: int
    node_ae: str
    port: int = field(default_factory=free_port)
    stored: list[str] = field(default_factory=list)
    requests: list[CommitmentRequest] = field(default_factory=list)
    _server: Any = None

    ae_title = "PACS"

    @property
    def destination(self) -> dict[str, Any]:
        """The configuration of this PACS as a destination."""
        peer = {"host": "127.0.0.1", "port": self.port, "timeout": 10}
        return {"name": "committing", "ae_title": self.ae_title} | peer

    def start(self) -> None:
        """Listen on loopback."""
        ae = AE(self.ae_title)
        for sop_class in (*RESULT_CLASSES, VERIFICATION, PUSH_MODEL):
            ae.add_supported_context(sop_class)
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_N_ACTION, self._on_action),
        ]
        self._server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()

    def report(self, request: CommitmentRequest, failed: Sequence[str] = ()) -> int:
        """Report each object as committed or, if in `failed`, as failed; return the status."""
        ae = AE(self.ae_title)
        ae.add_requested_context(PUSH_MODEL)
        role = build_role(PUSH_MODEL, scp_role=True)
        assoc = ae.associate("127.0.0.1", self.node_port, ae_title=self.node_ae, ext_neg=[role])
        committed = [pair for pair in request.objects if pair[1] not in failed]
        refused = [pair for pair in request.objects if pair[1] in failed]
        status = send_report(assoc, request.transaction_uid, committed, refused)
        assoc.release()
        return status

    def _on_store(self, event: evt.Event) -> int:
        self.stored.append(str(event.request.AffectedSOPInstanceUID))
        return 0x0000

    def _on_action(self, event: evt.Event) -> tuple[int, None]:
        information = event.action_information
        objects = tuple(
            (str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
            for item in information.ReferencedSOPSequence
        )
        self.requests.append(CommitmentRequest(str(information.TransactionUID), objects))
        return 0x0000, None


def send_report(
    assoc: Association,
    transaction_uid: str | None,
    committed: Sequence[tuple[str, str]],
    failed: Sequence[tuple[str, str]],
) -> int:
    """Send an N-EVENT-REPORT with (SOP Class, SOP Instance) pairs; return the status."""
    information = Dataset()
    if transaction_uid is not None:
        information.TransactionUID = transaction_uid
    information.ReferencedSOPSequence = [_item(*pair) for pair in committed]
    if failed:
        information.FailedSOPSequence = [_item(*pair, NO_SUCH_OBJECT) for pair in failed]
    kind = _SOME_FAILED if failed else _ALL_COMMITTED
    status, _ = assoc.send_n_event_report(information, kind, PUSH_MODEL, PUSH_MODEL_INSTANCE)
    return int(status.Status)


def _item(sop_class: str, sop_instance: str, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
    if reason is not None:
        item.FailureReason = reason
    return item
