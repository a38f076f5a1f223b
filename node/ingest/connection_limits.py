"""Limits on the connections and associations of one listening process."""

import socket
import threading
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Connection:
    address: str
    associated: bool = False


@dataclass
class Connections:
    """The open connections, with limits on the total and on the number per address.

    The limits apply to associations, and separately to connections that wait for an association. A
    peer that opens connections without associations cannot block the modalities.
    """

    limit: int
    limit_per_peer: int
    _by_socket: dict[socket.socket, _Connection] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def connect(self, connection: socket.socket, address: str) -> bool:
        """Add a connection; return False if too many connections wait for an association."""
        with self._lock:
            if not self._is_below_limits(address, associated=False):
                return False
            self._by_socket[connection] = _Connection(address)
            return True

    def replace(self, connection: socket.socket, secured: socket.socket) -> None:
        """Replace a socket with the TLS socket that wraps it."""
        with self._lock:
            self._by_socket[secured] = self._by_socket.pop(connection)

    def associate(self, connection: socket.socket) -> bool:
        """Mark a connection as associated; return False if there are too many associations."""
        with self._lock:
            entry = self._by_socket.get(connection)
            if entry is None or not self._is_below_limits(entry.address, associated=True):
                return False
            entry.associated = True
            return True

    def any_open(self) -> bool:
        """Return whether a connection is open."""
        with self._lock:
            return any(connection.fileno() != -1 for connection in self._by_socket)

    def _is_below_limits(self, address: str, *, associated: bool) -> bool:
        for closed in [connection for connection in self._by_socket if connection.fileno() == -1]:
            del self._by_socket[closed]
        addresses = [
            entry.address for entry in self._by_socket.values() if entry.associated is associated
        ]
        within_limit = len(addresses) < self.limit
        return within_limit and addresses.count(address) < self.limit_per_peer
