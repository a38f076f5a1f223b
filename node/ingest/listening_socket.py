"""The listening socket: opened once, and inherited by each process that receives films on it."""

import socket
from time import monotonic, sleep

from node.config.sections import DicomSection
from node.domain.errors import Misconfigured

_BACKLOG = 512
_RETRY_SECONDS = 0.1


def open_listening_socket(bind: str, port: int) -> socket.socket:
    """Return a socket that listens; raise Misconfigured if the address cannot be had.

    SO_REUSEPORT lets ingest roles that run without a supervisor share a port. It also lets a
    supervisor change `dicom.bind` while it still listens on the same port.
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
    # Several processes wait for the same connection. Those that come too late must not block.
    listener.setblocking(False)
    return listener


def listen_again(
    listener: socket.socket, before: DicomSection, after: DicomSection
) -> socket.socket:
    """Return the socket for a new configuration: the same one if the address is the same."""
    if (before.bind, before.port) == (after.bind, after.port):
        return listener
    return open_listening_socket(after.bind, after.port)


def require_free_port(bind: str, port: int, seconds: float) -> None:
    """Raise Misconfigured if another program still uses the port after so many seconds.

    With SO_REUSEPORT alone a second node on the port would go unnoticed, and the kernel would
    share the films out between both.
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
