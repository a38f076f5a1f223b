"""A network line to a peer that a test can break in each way that lines break."""

import contextlib
import selectors
import socket
import struct
import threading
from dataclasses import dataclass
from enum import StrEnum

from tests.peers.waiting import free_port

_CHUNK = 64 * 1024
_LOOK_SECONDS = 0.2


class Break(StrEnum):
    """What is wrong with a line, for the connections that are opened meanwhile."""

    NONE = "none"
    REFUSES = "refuses"  # each connection is reset at once, as where nothing listens
    HANGS = "hangs"  # the connection stands, and nothing is ever read from it
    RESETS = "resets"  # after so many bytes from the caller both ends are reset
    HALF_OPEN = "half-open"  # after so many bytes no answer comes back, what is sent arrives


@dataclass
class _State:
    kind: Break = Break.NONE
    after: int = 0


class Line:
    """Carries connections from `port` to a peer on loopback; `struck` counts what it broke."""

    def __init__(self, peer_port: int) -> None:
        self.port = free_port()
        self.struck = 0
        self._peer_port = peer_port
        self._state = _State()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self._listener.settimeout(_LOOK_SECONDS)
        threading.Thread(target=self._accept, daemon=True).start()

    def breaks(self, kind: Break, after: int = 0) -> None:
        """Break the line for what is opened from now on; `after` in bytes from the caller."""
        self.struck, self._state = 0, _State(kind, after)

    def mend(self) -> None:
        """Carry what is opened from now on, and end what hangs."""
        self._state = _State()

    def close(self) -> None:
        """Listen no more, and end what is carried."""
        self._closed.set()

    def _accept(self) -> None:
        with self._listener:
            while not self._closed.is_set():
                with contextlib.suppress(TimeoutError):
                    caller = self._listener.accept()[0]
                    threading.Thread(
                        target=self._serve, args=(caller, self._state), daemon=True
                    ).start()

    def _serve(self, caller: socket.socket, state: _State) -> None:
        with caller:
            if state.kind is Break.REFUSES:
                self._strike(caller)
            elif state.kind is Break.HANGS:
                self.struck += 1
                while self._state is state and not self._closed.wait(_LOOK_SECONDS):
                    pass
                _reset(caller)
            else:
                with contextlib.suppress(OSError), self._to_peer() as peer:
                    self._carry(caller, peer, state)

    def _to_peer(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._peer_port), timeout=5)

    def _carry(self, caller: socket.socket, peer: socket.socket, state: _State) -> None:
        """Copy both ways until one end closes, or the line breaks."""
        sent, deaf = 0, False
        with selectors.DefaultSelector() as ready:
            for end in (caller, peer):
                ready.register(end, selectors.EVENT_READ)
            while not self._closed.is_set():
                for key, _ in ready.select(_LOOK_SECONDS):
                    content = key.fileobj.recv(_CHUNK)  # type: ignore[union-attr]
                    if not content:
                        return
                    if key.fileobj is caller:
                        peer.sendall(content)
                        sent += len(content)
                    elif not deaf:
                        caller.sendall(content)
                    beyond = sent > state.after
                    if state.kind is Break.RESETS and beyond:
                        _reset(peer)
                        self._strike(caller)
                        return
                    if state.kind is Break.HALF_OPEN and beyond and not deaf:
                        deaf = True
                        self.struck += 1

    def _strike(self, caller: socket.socket) -> None:
        self.struck += 1
        _reset(caller)


def _reset(end: socket.socket) -> None:
    """Close a connection so that the other end sees a reset, not an orderly end."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()
