"""Open associations to destinations for C-ECHO, C-STORE and requests for storage commitment."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from ssl import SSLContext
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.dimse import DIMSEServiceProvider

from node.config.peers import Destination
from node.domain.errors import AssociationRejected, Permanent, Unreachable
from node.domain.workflow.delivery import (
    REPORT_SOP_CLASSES,
    CommitmentReport,
    ResultKind,
    SrClass,
)
from node.pacs.commitment import (
    PUSH_MODEL,
    PUSH_MODEL_INSTANCE,
    read_report,
    request_of,
)
from node.pacs.compress import compress_image
from node.pacs.dimse_status import classify, without_patient
from node.pacs.hardened_transport import harden
from node.security.tls import client_context, valid_until

VERIFICATION = UID("1.2.840.10008.1.1")
RESULT_CLASSES = (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    BasicTextSRStorage,
)
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
_CALLING_UNKNOWN = 3  # diagnostic of A-ASSOCIATE-RJ, PS3.8 Table 9-21
_REQUEST_COMMITMENT = 1  # Action Type ID of N-ACTION, PS3.4 Table J.3-1
_REPORT_WAIT = 1.0  # seconds to wait for a report on the association of the request


def sop_classes(destination: Destination, sr_class: SrClass) -> list[UID]:
    """Return the SOP Classes sent to a destination; `sr_class` is the default for reports."""
    by_kind = {
        ResultKind.REPORT: UID(REPORT_SOP_CLASSES[destination.sr_class or sr_class]),
        ResultKind.HEATMAP: SecondaryCaptureImageStorage,
        ResultKind.TEXT: BasicTextSRStorage,
    }
    return [by_kind[kind] for kind in destination.send]


class OpenArchive:
    """An `Archive` that uses an established association."""

    def __init__(self, assoc: Any, reports: "_Reports", *, compress: bool = False) -> None:
        self._assoc = assoc
        self._reports = reports
        self._compress = compress

    def echo(self) -> None:
        """Send a C-ECHO; raise Transient unless it succeeds."""
        self._send("C-ECHO", self._assoc.send_c_echo)

    def accepts(self, sop_class: str, syntax: str = "") -> bool:
        """Return whether the peer accepts a SOP Class in a syntax; "" stands for any syntax."""
        syntaxes = self.accepted().get(UID(sop_class))
        return syntaxes is not None and syntax in ("", *syntaxes)

    def accepted(self) -> dict[UID, list[UID]]:
        """Return the accepted SOP Classes with their transfer syntaxes."""
        accepted: dict[UID, list[UID]] = {}
        for context in self._assoc.accepted_contexts:
            syntaxes = accepted.setdefault(context.abstract_syntax, [])
            syntaxes += [uid for uid in context.transfer_syntax if uid not in syntaxes]
        return accepted

    def store(self, path: Path) -> None:
        """Send an object and wait until the peer has stored it; raise Transient or Permanent."""
        try:
            ds: Dataset = dcmread(path)
        except (OSError, InvalidDicomError) as error:
            raise Permanent(f"the spooled bytes cannot be read: {type(error).__name__}") from error
        if not self.accepts(ds.SOPClassUID):
            raise Permanent(f"the destination does not accept {ds.SOPClassUID.name}")
        if self._compress and self.accepts(ds.SOPClassUID, JPEG2000Lossless):
            ds = compress_image(ds)
        self._send("C-STORE", lambda: self._assoc.send_c_store(ds), about=ds)

    def request_commitment(
        self, transaction_uid: str, objects: Sequence[tuple[str, str]]
    ) -> CommitmentReport | None:
        """Request commitment of (SOP Class, SOP Instance) pairs; return an immediate report."""
        if not self.accepts(PUSH_MODEL):
            raise Permanent(
                "the destination does not support storage commitment; set commitment: false"
            )
        self._send(
            "N-ACTION",
            lambda: self._assoc.send_n_action(
                request_of(transaction_uid, objects),
                _REQUEST_COMMITMENT,
                PUSH_MODEL,
                PUSH_MODEL_INSTANCE,
            )[0],
        )
        return self._reports.wait(transaction_uid)

    def _send(self, name: str, request: Callable[[], Any], about: Dataset | None = None) -> None:
        """Send a request; raise an error for a lost association or a status of failure."""
        try:
            status = request()
        except (RuntimeError, ValueError, AttributeError) as error:
            lost = not self._assoc.is_established
            kind = Unreachable if lost else Permanent
            raise kind(f"{name} could not be sent: {type(error).__name__}") from error
        if "Status" not in status:
            raise Unreachable(f"no answer to the {name}: the association was lost or timed out")
        comment = str(status.get("ErrorComment", ""))
        classify(int(status.Status), without_patient(comment, about or Dataset()))


class _Reports:
    """Commitment reports that a peer sends on the association of the request."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._by_transaction: dict[str, CommitmentReport] = {}

    def on_report(self, event: Any) -> tuple[int, Dataset | None]:
        """Store a report for the thread that waits for it."""
        try:
            report = read_report(event.event_information)
        except Permanent:
            return 0x0115, None  # invalid argument value
        with self._arrived:
            self._by_transaction[report.transaction_uid] = report
            self._arrived.notify_all()
        return 0x0000, None

    def wait(self, transaction_uid: str) -> CommitmentReport | None:
        """Return the report of a transaction, or None if no report arrives within one second."""
        with self._arrived:
            self._arrived.wait_for(lambda: transaction_uid in self._by_transaction, _REPORT_WAIT)
            return self._by_transaction.pop(transaction_uid, None)


class _MessageQueue(DIMSEServiceProvider):
    """The queue of a peer's messages, readable only by the request that waits for an answer.

    pynetdicom's reactor reads the same queue, and could remove the answer to a request, which would
    then time out. A destination sends no requests other than commitment reports, which do not use
    this queue.
    """

    def get_msg(self, block: bool = False) -> Any:
        """Return the next message to a blocking call, and no message to a poll of the reactor."""
        return super().get_msg(block) if block else (None, None)


def _prepare(event: Any) -> None:
    event.assoc.dimse = _MessageQueue(event.assoc)
    harden(event.assoc, event.assoc.dimse_timeout)


@contextmanager
def open_archive(
    destination: Destination, calling_ae: str, context: SSLContext | None = None
) -> Iterator[OpenArchive]:
    """Open an association and release it after the block; raise Unreachable on failure.

    If `context` is None, the TLS context is created from the destination's configuration.
    """
    if context is None and destination.tls is not None:
        context = client_context(destination.tls)
    reports = _Reports()
    ae = AE(calling_ae)
    ae.connection_timeout = ae.acse_timeout = destination.timeout
    ae.network_timeout = ae.dimse_timeout = destination.timeout
    ae.add_requested_context(VERIFICATION)
    for sop_class in RESULT_CLASSES:
        for syntax in SYNTAXES:
            ae.add_requested_context(sop_class, syntax)
    compress = destination.compress == "jpeg2000"
    if compress:
        ae.add_requested_context(SecondaryCaptureImageStorage, JPEG2000Lossless)
    ae.add_requested_context(PUSH_MODEL, SYNTAXES)
    try:
        assoc = ae.associate(
            destination.host,
            destination.port,
            ae_title=destination.ae_title,
            tls_args=(context, destination.host) if context else None,
            evt_handlers=[
                (evt.EVT_CONN_OPEN, _prepare),
                (evt.EVT_N_EVENT_REPORT, reports.on_report),
            ],
        )
    except OSError as error:
        reason = error.strerror or "the name cannot be resolved"
        raise Unreachable(f"{destination.host}: {reason}; check the host name") from None
    if not assoc.is_established:
        answer = assoc.acceptor.primitive if assoc.is_rejected else None
        unknown_caller = answer is not None and answer.diagnostic == _CALLING_UNKNOWN
        raise (AssociationRejected if unknown_caller else Unreachable)(
            _failure_text(destination, assoc, context)
        )
    try:
        yield OpenArchive(assoc, reports, compress=compress)
    finally:
        if assoc.is_established:
            assoc.release()


def _failure_text(destination: Destination, assoc: Any, context: SSLContext | None) -> str:
    peer = f"{destination.ae_title} at {destination.host}:{destination.port}"
    if assoc.is_rejected:
        reason = assoc.acceptor.primitive.reason_str
        return f"{peer} rejected the association: {reason}; check the AE titles on both sides"
    if assoc.is_aborted and assoc.acceptor.primitive is not None:
        return f"{peer} aborted the association"
    if context is not None:
        # If TLS is the cause, this handshake raises an error that states the reason.
        valid_until((destination.host, destination.port), context, destination.timeout)
    no_answer = f"{peer} does not answer; check that it runs, and its host and port"
    return f"{no_answer}, and whether it requires a client certificate" if context else no_answer
