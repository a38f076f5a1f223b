"""A TCP proxy to a peer, which can interrupt connections in several ways."""

import contextlib
import selectors
import socket
import struct
import threading
from dataclasses import dataclass
from enum import StrEnum

from tests.peers.waiting import free_port

_CHUNK = 64 * 1024
_POLL_SECONDS = 0.2


class ConnectionFault(StrEnum):
    """How the proxy treats connections that are opened while this fault is set."""

    NONE = "none"
    REFUSED = "refused"  # each connection is reset immediately, as if no program listened
    UNRESPONSIVE = "unresponsive"  # connections open, and nothing is ever read from them
    RESET = "reset"  # after a number of bytes from the client, both ends are reset
    HALF_OPEN = "half-open"  # after a number of bytes from the client, no answer is forwarded


@dataclass
class _State:
    fault: ConnectionFault = ConnectionFault.NONE
    after: int = 0


class FaultyProxy:
    """A proxy that forwards connections from `port` to a peer on loopback, and counts faults."""

    def __init__(self, peer_port: int) -> None:
        self.port = free_port()
        self.occurrences = 0
        self._peer_port = peer_port
        self._state = _State()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self._listener.settimeout(_POLL_SECONDS)
        threading.Thread(target=self._accept, daemon=True).start()

    def set_fault(self, fault: ConnectionFault, after: int = 0) -> None:
        """Apply a fault to new connections, after this number of bytes from the client."""
        self.occurrences, self._state = 0, _State(fault, after)

    def clear_fault(self) -> None:
        """Forward new connections, and end unresponsive connections."""
        self._state = _State()

    def close(self) -> None:
        """Stop listening, and end every connection."""
        self._closed.set()

    def _accept(self) -> None:
        with self._listener:
            while not self._closed.is_set():
                with contextlib.suppress(TimeoutError):
                    client = self._listener.accept()[0]
                    threading.Thread(
                        target=self._serve, args=(client, self._state), daemon=True
                    ).start()

    def _serve(self, client: socket.socket, state: _State) -> None:
        with client:
            if state.fault is ConnectionFault.REFUSED:
                self._reset_client(client)
            elif state.fault is ConnectionFault.UNRESPONSIVE:
                self.occurrences += 1
                while self._state is state and not self._closed.wait(_POLL_SECONDS):
                    pass
                _reset(client)
            else:
                with contextlib.suppress(OSError), self._connect_to_peer() as peer:
                    self._forward(client, peer, state)

    def _connect_to_peer(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._peer_port), timeout=5)

    def _forward(self, client: socket.socket, peer: socket.socket, state: _State) -> None:
        """Copy bytes in both directions until one end closes or the fault occurs."""
        sent, half_open = 0, False
        with selectors.DefaultSelector() as selector:
            for end in (client, peer):
                selector.register(end, selectors.EVENT_READ)
            while not self._closed.is_set():
                for key, _ in selector.select(_POLL_SECONDS):
                    content = key.fileobj.recv(_CHUNK)  # type: ignore[union-attr]
                    if not content:
                        return
                    if key.fileobj is client:
                        peer.sendall(content)
                        sent += len(content)
                    elif not half_open:
                        client.sendall(content)
                    exceeded = sent > state.after
                    if state.fault is ConnectionFault.RESET and exceeded:
                        _reset(peer)
                        self._reset_client(client)
                        return
                    if state.fault is ConnectionFault.HALF_OPEN and exceeded and not half_open:
                        half_open = True
                        self.occurrences += 1

    def _reset_client(self, client: socket.socket) -> None:
        self.occurrences += 1
        _reset(client)


def _reset(end: socket.socket) -> None:
    """Close a connection with RST instead of FIN."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()
