"""pynetdicom's transport, made fit for peers that stall, lie about lengths, or break off.

As it comes, a peer that stops half-way through a PDU holds its thread for ever, a length of
4 GiB is believed, and an error while a PDU is acted on ends a thread with a traceback.
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
"""The largest PDU that is read, in bytes: an association request may list many contexts."""
_LAST_WORD = 1.0  # seconds for a peer to take our abort
_BY_SERVICE_PROVIDER, _INVALID_PARAMETER = 2, 6  # A-ABORT, PS3.8 Table 9-26

log = structlog.get_logger()


class BoundedSocket(AssociationSocket):
    """An `AssociationSocket` that waits and reads no more than so much."""

    patience = 60.0
    """Seconds in which one PDU must have come, or gone, as a whole."""

    @property
    def ready(self) -> bool:
        """Return whether there is something to read; by poll, which has no limit of 1024 files."""
        if self.socket is None or not self._is_connected:
            return False
        if getattr(self.socket, "pending", int)():  # TLS may hold what poll does not know of
            return True
        poll = select.poll()
        try:
            poll.register(self.socket, select.POLLIN)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            self.event_queue.put("Evt17")  # transport connection closed
            return False

    def recv(self, nr_bytes: int) -> bytearray:
        """Read so many bytes, fewer where the peer has closed; raise OSError where it stalls."""
        if nr_bytes > MAX_PDU_READ:
            abort_by_provider(self)
            raise OSError("the peer announces a PDU longer than any that we take")
        connection = cast(socket.socket, self.socket)
        content, read = bytearray(nr_bytes), 0
        deadline = monotonic() + self.patience
        with memoryview(content) as view:
            while read < nr_bytes:
                # A time-out of 0 would mean "do not wait" and look like a broken line.
                connection.settimeout(max(deadline - monotonic(), 0.001))
                count = connection.recv_into(view[read:])
                if not count:
                    break
                read += count
        del content[read:]
        return content

    def send(self, bytestream: bytes) -> None:
        """Send all of it; a peer that takes it too slowly counts as gone."""
        try:
            if self.socket is None:
                raise OSError("the connection is closed")
            self.socket.settimeout(self.patience)
            self.socket.sendall(bytestream)
            evt.trigger(self.assoc, evt.EVT_DATA_SENT, {"data": bytestream})
        except OSError:
            self.event_queue.put("Evt17")

    def _shutdown_socket(self) -> None:
        """Close in any case: what was reset cannot be shut down, and would stay open."""
        connection = self.socket
        if connection is not None:
            with suppress(OSError):  # reset, or closed before
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class CarefulMachine(StateMachine):
    """A `StateMachine` that ends the association where an event cannot be acted on."""

    def do_action(self, event: str) -> None:
        """Act on an event; whatever goes wrong is an abort, as PS3.8 has it for such a PDU."""
        before = self.current_state
        try:
            super().do_action(event)
        except Exception as error:  # noqa: BLE001 - the boundary to the peer
            if before != "Sta1":  # there, the connection has gone already
                log.warning("association_broken", error=type(error).__name__, where=where(error))
            self._give_up()

    def _give_up(self) -> None:
        dul, assoc = self.dul, self.dul.assoc
        connection = cast(AssociationSocket, dul.socket)
        abort_by_provider(connection)
        connection._shutdown_socket()
        self.current_state = "Sta1"
        peer: Any = assoc.requestor if assoc.is_acceptor else assoc.acceptor
        evt.trigger(assoc, evt.EVT_CONN_CLOSE, {"address": peer.address_info.as_tuple})
        assoc.dimse.msg_queue.put((None, None))  # wakes who waits for an answer
        dul.to_user_queue.put(A_P_ABORT())
        dul.kill_dul()


def harden(assoc: Any, patience: float) -> None:
    """Make an association bear its peer; to be called when its connection opens.

    pynetdicom makes these parts itself and holds on to them, so that their class is changed and
    not the object. `patience` is in seconds, for one PDU.
    """
    assoc.dul.socket.__class__ = BoundedSocket
    assoc.dul.socket.patience = patience
    assoc.dul.state_machine.__class__ = CarefulMachine


def abort_by_provider(connection: AssociationSocket) -> None:
    """Tell the peer why it is cut off, if it still listens."""
    if connection.socket is None:
        return
    pdu = A_ABORT_RQ()
    pdu.source, pdu.reason_diagnostic = _BY_SERVICE_PROVIDER, _INVALID_PARAMETER
    with suppress(OSError):
        connection.socket.settimeout(_LAST_WORD)
        connection.socket.sendall(pdu.encode())
