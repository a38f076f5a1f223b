"""The server that accepts connections on the listening socket, with TLS if configured."""

import socket
import ssl
from typing import Any

import structlog
from pynetdicom import AE
from pynetdicom.transport import ThreadedAssociationServer

from node.config.sections import DicomSection
from node.domain.audit_events import AssociationRefused, Peer
from node.ingest.connection_limits import Connections
from node.log import where
from node.ports import Audit
from node.security.tls import ServerCertificates, tls_error_text

log = structlog.get_logger()


class Listener(ThreadedAssociationServer):
    """A server on a listening socket that other ingest processes may share.

    Raises Misconfigured if a certificate cannot be used.
    """

    daemon_threads = True

    def __init__(
        self,
        listener: socket.socket,
        ae: AE,
        settings: DicomSection,
        connections: Connections,
        audit: Audit,
        handlers: list[Any],
    ) -> None:
        self._listener = listener
        self._connections = connections
        self._audit = audit
        self._handshake_timeout = settings.artim_timeout
        self._certificates = ServerCertificates(settings.tls) if settings.tls else None
        super().__init__(
            ae,
            (settings.bind, settings.port),
            settings.ae_title,
            ae.supported_contexts,
            evt_handlers=handlers,
        )

    def server_bind(self) -> None:
        """Use the listening socket instead of the unbound socket that TCPServer creates."""
        if self.socket is not None:
            self.socket.close()
        self.socket = self._listener
        self.server_address = self._listener.getsockname()

    def server_activate(self) -> None:
        """Do nothing, because the socket already listens."""

    def server_close(self) -> None:
        """Close this process's copy of the socket; other processes can still use their copies."""
        self._listener.close()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Return whether to keep a connection; the server closes a refused connection."""
        accepted = self._connections.connect(request, client_address[0])
        if not accepted:
            log.warning("connection_refused", address=client_address[0])
        return accepted

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Do the TLS handshake and start the association, in the connection's own thread.

        pynetdicom does the handshake in the accepting thread, where a silent caller would block
        all other callers. An error ends only the connection in which it occurs.
        """
        try:
            if self._certificates is not None:
                request = self._secured(request, self._certificates.context())
            self.finish_request(request, client_address)
        except OSError as error:
            self.shutdown_request(request)
            address, reason = client_address[0], tls_error_text(error)
            log.warning("tls_handshake_failed", address=address, error=reason)
            self._audit.record(AssociationRefused(Peer("", address), "", f"no TLS: {reason}"))
        except Exception as error:  # noqa: BLE001 - the boundary to the peer
            self.shutdown_request(request)
            log.error("unexpected_error", error=type(error).__name__, where=where(error))

    def _secured(self, request: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        request.settimeout(self._handshake_timeout)
        secured = context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        self._connections.replace(request, secured)
        try:
            secured.do_handshake()
        except OSError:
            secured.close()
            raise
        return secured
