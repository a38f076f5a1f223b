"""The DICOM server, which is an SCP of C-STORE and C-ECHO and receives commitment reports."""

import socket
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import structlog
from pydicom import uid
from pynetdicom import AE, _config, evt

from node.config.sections import DicomSection
from node.domain.access import Caller, is_allowed_caller
from node.domain.audit_events import AssociationRefused, Instance, Peer
from node.domain.sop_class import RADIOGRAPH_CLASSES
from node.ingest.commitment_reports import ReportService
from node.ingest.connection_limits import Connections
from node.ingest.listener import Listener
from node.ingest.resource_limits import ResourceLimits, calling_ae
from node.ingest.store import PROCESSING_FAILURE, StoreService
from node.log import where
from node.pacs.association import VERIFICATION
from node.pacs.commitment import PUSH_MODEL
from node.ports import Audit

TRANSFER_SYNTAXES = [
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.HTJ2KLossless,
]
MAX_PDU = 128 * 1024
# Result, source and diagnostic of A-ASSOCIATE-RJ, PS3.8 Table 9-21.
_CALLING_NOT_RECOGNISED, _CALLED_NOT_RECOGNISED = (1, 1, 3), (1, 1, 7)
_LIMIT_EXCEEDED = (2, 3, 2)  # transient; the caller may try again
_NO_REASON = (1, 1, 1)  # the standard has no reason for a malformed request
_REJECTION_REASONS = {
    _CALLING_NOT_RECOGNISED: "calling AE title not recognized, or not from this address",
    _CALLED_NOT_RECOGNISED: "called AE title not recognized",
    _LIMIT_EXCEEDED: "too many associations",
    _NO_REASON: "a presentation context lacks its abstract or transfer syntax",
}
_DRAIN_POLL = 0.05
_UNLIMITED = 2**31  # `Connections` has the limits; pynetdicom would also count waiting connections

log = structlog.get_logger()


@dataclass
class IngestServer:
    """The server of one ingest process; the kernel distributes connections among processes."""

    settings: DicomSection
    callers: Sequence[Caller]
    incoming: Path
    store: StoreService
    reports: ReportService
    audit: Audit

    def __post_init__(self) -> None:
        settings = self.settings
        self._ae = _application_entity(settings)
        self._connections = Connections(
            settings.max_associations, settings.max_associations_per_peer
        )
        self._limits = ResourceLimits(settings, self.store.has_space)
        self._server: Listener | None = None

    def start(self, listener: socket.socket) -> None:
        """Accept associations on a listening socket; raise Misconfigured for a bad certificate."""
        # pynetdicom writes a data set to a NamedTemporaryFile, which must be on the file system of
        # the spool, so that the later rename is atomic.
        tempfile.tempdir = str(self.incoming)
        _config.STORE_RECV_CHUNKED_DATASET = True
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, self._limits.on_open),
            (evt.EVT_REQUESTED, self._on_requested),
            (evt.EVT_ESTABLISHED, self._limits.on_established),
            (evt.EVT_PDU_RECV, self._limits.on_pdu),
            (evt.EVT_DIMSE_RECV, self._limits.on_message),
            (evt.EVT_CONN_CLOSE, self._limits.on_closed),
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_N_EVENT_REPORT, self.reports.on_report),
        ]
        server = Listener(
            listener, self._ae, self.settings, self._connections, self.audit, handlers
        )
        # AE.shutdown and AE.active_associations use this list of servers.
        self._ae._servers.append(server)
        self._server = server
        threading.Thread(target=server.serve_forever, daemon=True).start()
        log.info("listener_started", ae_title=self.settings.ae_title, port=self.settings.port)

    def stop(self, patient: threading.Event | None = None) -> None:
        """Accept no new connection, wait for open connections, then abort open associations.

        The wait lasts `dicom.dimse_timeout` seconds, or longer while the event `patient` is set.
        """
        if self._server is None:
            return
        server, self._server = self._server, None
        server.shutdown()
        deadline = monotonic() + self.settings.dimse_timeout
        # A connection that was just accepted has no association yet, but its peer must be served.
        while self._connections.any_open() and (
            monotonic() < deadline or (patient is not None and patient.is_set())
        ):
            sleep(_DRAIN_POLL)
        for assoc in server.active_associations:
            assoc.abort()

    def _on_requested(self, event: Any) -> None:
        assoc = event.assoc
        request = assoc.requestor.primitive
        calling, address = request.calling_ae_title.strip(), assoc.requestor.address
        if request.called_ae_title.strip() != self.settings.ae_title:
            self._reject(assoc, _CALLED_NOT_RECOGNISED, calling)
        elif not is_allowed_caller(self.callers, calling, address):
            self._reject(assoc, _CALLING_NOT_RECOGNISED, calling)
        elif not all(map(_is_complete, request.presentation_context_definition_list)):
            self._reject(assoc, _NO_REASON, calling)
        elif not self._connections.associate(assoc.dul.socket.socket):
            self._reject(assoc, _LIMIT_EXCEEDED, calling)

    def _reject(self, assoc: Any, answer: tuple[int, int, int], calling: str) -> None:
        log.warning(
            "association_rejected",
            calling_ae=calling,
            address=assoc.requestor.address,
            reason=_REJECTION_REASONS[answer],
        )
        called = assoc.requestor.primitive.called_ae_title.strip()
        peer = Peer(calling, assoc.requestor.address)
        self.audit.record(AssociationRefused(peer, called, _REJECTION_REASONS[answer]))
        assoc.acse.send_reject(*answer)
        assoc.kill()

    def _on_store(self, event: Any) -> Any:
        try:
            file = event.request._dataset_file
            if file is not None:
                file.flush()
            return self.store.store(
                event.dataset_path,
                Instance(
                    str(event.request.AffectedSOPClassUID),
                    str(event.request.AffectedSOPInstanceUID),
                ),
                Peer(calling_ae(event.assoc), event.assoc.requestor.address),
                complete=getattr(file, "complete", True),
            )
        except Exception as error:  # noqa: BLE001 - the boundary to the peer
            log.error("unexpected_error", error=type(error).__name__, where=where(error))
            return PROCESSING_FAILURE


def _is_complete(context: Any) -> bool:
    """Return whether a context has all its UIDs; a missing UID would crash pynetdicom's thread."""
    offered = context.transfer_syntax
    return bool(context.abstract_syntax and offered and all(offered))


def _application_entity(settings: DicomSection) -> AE:
    ae = AE(settings.ae_title)
    ae.maximum_associations = _UNLIMITED
    ae.maximum_pdu_size = MAX_PDU
    ae.acse_timeout = settings.artim_timeout
    ae.dimse_timeout = settings.dimse_timeout
    ae.network_timeout = settings.idle_timeout
    for sop_class in RADIOGRAPH_CLASSES:
        ae.add_supported_context(sop_class, TRANSFER_SYNTAXES)
    ae.add_supported_context(VERIFICATION)
    # For commitment reports, the PACS opens the association as SCP, and the node is the SCU.
    ae.add_supported_context(PUSH_MODEL, scu_role=True, scp_role=True)
    return ae
