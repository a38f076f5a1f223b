"""pynetdicom's transport, hardened against peers that stall, send false lengths or disconnect.

In pynetdicom, a peer that stops within a PDU blocks a thread for ever, and a PDU may have 4 GiB. An
error during the processing of a PDU ends the thread with a traceback.
"""

import select
import socket
from contextlib import suppress
from time import monotonic
from typing import Any, cast

import structlog
from pynetdicom import evt
from pynetdicom.fsm import StateMachine
from pynetdicom.pdu import A_ABORT_RQ
from pynetdicom.pdu_primitives import A_P_ABORT
from pynetdicom.transport import AssociationSocket

from node.log import where

MAX_PDU_READ = 1024 * 1024
"""The largest accepted PDU in bytes; an association request may contain many contexts."""
_ABORT_TIMEOUT = 1.0  # seconds for sending an abort
_BY_SERVICE_PROVIDER, _INVALID_PARAMETER = 2, 6  # A-ABORT, PS3.8 Table 9-26

log = structlog.get_logger()


class BoundedSocket(AssociationSocket):
    """An `AssociationSocket` with limits on the time and the length of each PDU."""

    timeout_per_pdu = 60.0
    """Seconds in which a complete PDU must be received or sent."""

    @property
    def ready(self) -> bool:
        """Return whether data can be read; `poll` is used, as `select` is limited to 1024 files."""
        if self.socket is None or not self._is_connected:
            return False
        # TLS may have buffered data that poll does not see.
        if getattr(self.socket, "pending", int)():
            return True
        poll = select.poll()
        try:
            poll.register(self.socket, select.POLLIN)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            self.event_queue.put("Evt17")  # transport connection closed
            return False

    def recv(self, nr_bytes: int) -> bytearray:
        """Read `nr_bytes` bytes, or less if the peer closes; raise OSError if the peer stalls."""
        if nr_bytes > MAX_PDU_READ:
            abort_by_provider(self)
            raise OSError("the peer announces a PDU above the maximum length")
        connection = cast(socket.socket, self.socket)
        content, read = bytearray(nr_bytes), 0
        deadline = monotonic() + self.timeout_per_pdu
        with memoryview(content) as view:
            while read < nr_bytes:
                # A time-out of 0 would make the socket non-blocking, and cause another error.
                connection.settimeout(max(deadline - monotonic(), 0.001))
                count = connection.recv_into(view[read:])
                if not count:
                    break
                read += count
        del content[read:]
        return content

    def send(self, bytestream: bytes) -> None:
        """Send all bytes; treat a peer that is too slow as disconnected."""
        try:
            if self.socket is None:
                raise OSError("the connection is closed")
            self.socket.settimeout(self.timeout_per_pdu)
            self.socket.sendall(bytestream)
            evt.trigger(self.assoc, evt.EVT_DATA_SENT, {"data": bytestream})
        except OSError:
            self.event_queue.put("Evt17")

    def _shutdown_socket(self) -> None:
        """Close the socket, even if it was reset and therefore cannot be shut down."""
        connection = self.socket
        if connection is not None:
            with suppress(OSError):  # reset, or closed before
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class HardenedStateMachine(StateMachine):
    """A `StateMachine` that aborts the association if the processing of an event fails."""

    def do_action(self, event: str) -> None:
        """Process an event; abort the association after an error, as PS3.8 requires."""
        before = self.current_state
        try:
            super().do_action(event)
        except Exception as error:  # noqa: BLE001 - the boundary to the peer
            if before != "Sta1":  # in this state, the connection is already closed
                log.warning("association_aborted", error=type(error).__name__, where=where(error))
            self._abort()

    def _abort(self) -> None:
        dul, assoc = self.dul, self.dul.assoc
        connection = cast(AssociationSocket, dul.socket)
        abort_by_provider(connection)
        connection._shutdown_socket()
        self.current_state = "Sta1"
        peer: Any = assoc.requestor if assoc.is_acceptor else assoc.acceptor
        evt.trigger(assoc, evt.EVT_CONN_CLOSE, {"address": peer.address_info.as_tuple})
        assoc.dimse.msg_queue.put((None, None))  # wakes the thread that waits for an answer
        dul.to_user_queue.put(A_P_ABORT())
        dul.kill_dul()


def harden(assoc: Any, timeout_per_pdu: float) -> None:
    """Harden an association when its connection opens; `timeout_per_pdu` is in seconds.

    The class of existing objects is changed, because pynetdicom keeps references to these objects.
    """
    assoc.dul.socket.__class__ = BoundedSocket
    assoc.dul.socket.timeout_per_pdu = timeout_per_pdu
    assoc.dul.state_machine.__class__ = HardenedStateMachine


def abort_by_provider(connection: AssociationSocket) -> None:
    """Send an A-ABORT of the service provider, if the peer is still connected."""
    if connection.socket is None:
        return
    pdu = A_ABORT_RQ()
    pdu.source, pdu.reason_diagnostic = _BY_SERVICE_PROVIDER, _INVALID_PARAMETER
    with suppress(OSError):
        connection.socket.settimeout(_ABORT_TIMEOUT)
        connection.socket.sendall(pdu.encode())
