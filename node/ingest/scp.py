"""The listening side: C-STORE and C-ECHO SCP, and commitment reports from the PACS.

Several processes may listen on one port: the kernel shares connections out among them.
"""

import socket
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import structlog
from pydicom import uid
from pynetdicom import AE, _config, evt
from pynetdicom.transport import ThreadedAssociationServer

from node.config import Dicom
from node.domain.admission import RADIOGRAPH_CLASSES
from node.domain.audit import AssociationRefused, Instance, Peer
from node.domain.callers import Caller, may_call
from node.domain.errors import Misconfigured
from node.ingest.reports import ReportService
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
_REJECTED_PERMANENT, _BY_SERVICE_USER = 1, 1
_CALLING_NOT_RECOGNISED, _CALLED_NOT_RECOGNISED = 3, 7
_WHY_REJECTED = {
    _CALLING_NOT_RECOGNISED: "calling AE title not recognized, or not from this address",
    _CALLED_NOT_RECOGNISED: "called AE title not recognized",
}
_BACKLOG = 128

log = structlog.get_logger()


class SharedPortServer(ThreadedAssociationServer):
    """A server whose port other processes of ours may listen on as well."""

    request_queue_size = _BACKLOG
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind with SO_REUSEPORT, which pynetdicom does not set."""
        assert self.socket is not None  # noqa: S101 - made by TCPServer before it binds
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()


class IngestServer:
    """One listening process. `start` returns at once; `stop` lets associations end."""

    def __init__(
        self,
        settings: Dicom,
        callers: Sequence[Caller],
        incoming: Path,
        store: StoreService,
        reports: ReportService,
        audit: Audit,
    ) -> None:
        self._settings = settings
        self._callers = callers
        self._incoming = incoming
        self._store = store
        self._reports = reports
        self._audit = audit
        self._ae = _application_entity(settings)
        self._server: ThreadedAssociationServer | None = None

    def start(self) -> None:
        """Listen; raise Misconfigured where the port cannot be had."""
        # pynetdicom streams a data set into a NamedTemporaryFile. Inside the spool, the later
        # rename stays on one file system, which makes it atomic.
        tempfile.tempdir = str(self._incoming)
        _config.STORE_RECV_CHUNKED_DATASET = True
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, self._on_requested),
            (evt.EVT_PDU_RECV, self._on_pdu),
            (evt.EVT_CONN_CLOSE, self._on_closed),
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_N_EVENT_REPORT, self._reports.on_report),
        ]
        address = (self._settings.bind, self._settings.port)
        try:
            server = SharedPortServer(
                self._ae,
                address,
                self._settings.ae_title,
                self._ae.supported_contexts,
                evt_handlers=handlers,
            )
        except OSError as error:
            raise Misconfigured(
                f"dicom.port: cannot listen on {address[0]}:{address[1]}: {error.strerror}; "
                "free the port or set another"
            ) from None
        # AE.shutdown and AE.active_associations look at the servers that the AE knows.
        self._ae._servers.append(server)
        self._server = server
        threading.Thread(target=server.serve_forever, daemon=True).start()
        log.info("listening", ae_title=self._settings.ae_title, port=self._settings.port)

    def stop(self) -> None:
        """Take no new association, let the open ones end, then abort what is left."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.shutdown()
        deadline = monotonic() + self._settings.timeout
        for assoc in server.active_associations:
            assoc.join(max(0.0, deadline - monotonic()))
            if assoc.is_alive():
                assoc.abort()

    def _on_requested(self, event: Any) -> None:
        assoc = event.assoc
        request = assoc.requestor.primitive
        calling, address = request.calling_ae_title.strip(), assoc.requestor.address
        if request.called_ae_title.strip() != self._settings.ae_title:
            self._reject(assoc, _CALLED_NOT_RECOGNISED, calling, address)
        elif not may_call(self._callers, calling, address):
            self._reject(assoc, _CALLING_NOT_RECOGNISED, calling, address)

    def _reject(self, assoc: Any, diagnostic: int, calling: str, address: str) -> None:
        log.warning(
            "association_rejected", calling_ae=calling, address=address, diagnostic=diagnostic
        )
        called, why = assoc.requestor.primitive.called_ae_title.strip(), _WHY_REJECTED[diagnostic]
        self._audit.record(AssociationRefused(Peer(calling, address), called, why))
        assoc.acse.send_reject(_REJECTED_PERMANENT, _BY_SERVICE_USER, diagnostic)
        assoc.kill()

    def _on_pdu(self, event: Any) -> None:
        """Abort a transfer that has outgrown the limit, while it is still under way."""
        message = event.assoc.dimse.message
        file = getattr(message, "_data_set_file", None)
        if file is not None and not file.closed and file.tell() > self._settings.max_object:
            log.warning("transfer_too_large", calling_ae=event.assoc.requestor.ae_title.strip())
            event.assoc.abort()

    def _on_closed(self, event: Any) -> None:
        """Delete what a transfer that ended half-way has left; let a mere probe go."""
        assoc = event.assoc
        file = getattr(assoc.dimse.message, "_data_set_file", None)
        if file is not None:
            file.close()
            Path(file.name).unlink(missing_ok=True)
        if assoc.requestor.primitive is None:
            # pynetdicom goes on waiting for a request on the closed connection. Health checks
            # of the port would use up the associations; None is what its time-out returns.
            assoc.dul.to_user_queue.put(None)

    def _on_store(self, event: Any) -> Any:
        requestor = event.assoc.requestor
        try:
            event.request._dataset_file.flush()
            return self._store.store(
                event.dataset_path,
                Instance(
                    str(event.request.AffectedSOPClassUID),
                    str(event.request.AffectedSOPInstanceUID),
                ),
                Peer(requestor.ae_title.strip(), requestor.address),
            )
        except Exception as error:  # noqa: BLE001 - the boundary to the peer
            log.error("unforeseen", error=type(error).__name__, where=where(error))
            return PROCESSING_FAILURE


def _application_entity(settings: Dicom) -> AE:
    ae = AE(settings.ae_title)
    ae.maximum_associations = settings.max_associations
    ae.maximum_pdu_size = MAX_PDU
    ae.network_timeout = ae.dimse_timeout = ae.acse_timeout = settings.timeout
    for sop_class in RADIOGRAPH_CLASSES:
        ae.add_supported_context(sop_class, TRANSFER_SYNTAXES)
    ae.add_supported_context(VERIFICATION)
    # The PACS opens this association as SCP of the commitment service and we are its SCU.
    ae.add_supported_context(PUSH_MODEL, scu_role=True, scp_role=True)
    return ae
