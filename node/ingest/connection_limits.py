"""Who is connected to this process, and whether there is room for one more."""

import socket
import threading
from dataclasses import dataclass


@dataclass(slots=True)
class _Open:
    address: str
    associated: bool = False


class Connections:
    """The open connections: at most so many associations, in all and from one address.

    As many connections again may wait to ask for an association, so that whoever merely opens
    them keeps no modality out. A connection counts until its socket is closed.
    """

    def __init__(self, most: int, most_per_peer: int) -> None:
        self._most = most
        self._most_per_peer = most_per_peer
        self._open: dict[socket.socket, _Open] = {}
        self._lock = threading.Lock()

    def connect(self, connection: socket.socket, address: str) -> bool:
        """Note a new connection; return False where too many wait."""
        with self._lock:
            if not self._has_room(address, associated=False):
                return False
            self._open[connection] = _Open(address)
            return True

    def replace(self, connection: socket.socket, secured: socket.socket) -> None:
        """Note that TLS has wrapped a connection in another socket."""
        with self._lock:
            self._open[secured] = self._open.pop(connection)

    def associate(self, connection: socket.socket) -> bool:
        """Note an association on a connection; return False where there are too many."""
        with self._lock:
            known = self._open.get(connection)
            if known is None or not self._has_room(known.address, associated=True):
                return False
            known.associated = True
            return True

    def _has_room(self, address: str, *, associated: bool) -> bool:
        for connection in [one for one in self._open if one.fileno() == -1]:
            del self._open[connection]
        alike = [one.address for one in self._open.values() if one.associated is associated]
        return len(alike) < self._most and alike.count(address) < self._most_per_peer
