"""The listening socket, which is opened once and inherited by each ingest process."""

import socket
from time import monotonic, sleep

from node.config.sections import DicomSection
from node.domain.errors import Misconfigured

_BACKLOG = 512
_RETRY_SECONDS = 0.1


def open_listening_socket(bind: str, port: int) -> socket.socket:
    """Return a listening socket; raise Misconfigured if the address cannot be used.

    With SO_REUSEPORT, ingest roles without a supervisor can share a port. A supervisor can change
    `dicom.bind` while its previous socket still listens on the same port.
    """
    listener = None
    try:
        family = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((bind, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise _unavailable(bind, port, error) from None
    # Several processes wait for connections. Only one process accepts a connection; the other
    # processes must not block.
    listener.setblocking(False)
    return listener


def listen_again(
    listener: socket.socket, before: DicomSection, after: DicomSection
) -> socket.socket:
    """Return the socket for a new configuration; keep the old socket for the same address."""
    if (before.bind, before.port) == (after.bind, after.port):
        return listener
    return open_listening_socket(after.bind, after.port)


def require_free_port(bind: str, port: int, seconds: float) -> None:
    """Raise Misconfigured if another program still uses the port after `seconds`.

    Without this check, SO_REUSEPORT would let two nodes share a port without an error, and the
    kernel would distribute the films between both nodes.
    """
    deadline = monotonic() + seconds
    while True:
        try:
            family = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0][0]
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((bind, port))
            return
        except OSError as error:
            if monotonic() > deadline:
                raise _unavailable(bind, port, error) from None
            sleep(_RETRY_SECONDS)


def _unavailable(bind: str, port: int, error: OSError) -> Misconfigured:
    return Misconfigured(
        f"dicom.port: cannot listen on {bind}:{port}: {error.strerror}; "
        "end the program that uses it, or set another port or bind address"
    )
