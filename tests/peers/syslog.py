"""A minimal syslog server over TLS (RFC 5425) stores the messages."""

import contextlib
import socket
import ssl
import struct
import threading
from pathlib import Path

import trustme

from node.config.peers import SyslogSection, TlsSection
from tests.peers.waiting import free_port


class SyslogServer:
    """A syslog server that listens between `start` and `stop`; its messages outlive a stop."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca = folder / "syslog-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._context)
        self.port = free_port()
        self.messages: list[bytes] = []
        self.connections = 0
        self.resets = 0
        """The number of connections that the server resets without reading, as in a crash."""
        self.close_notify = True
        """Whether the server ends TLS with close_notify; some servers do not."""
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def section(self) -> SyslogSection:
        """The configuration of a client of this server."""
        return SyslogSection(
            host="127.0.0.1", port=self.port, timeout=5, tls=TlsSection(ca=self.ca)
        )

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._listener is not None and self._thread is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._thread.join()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with plain, contextlib.suppress(OSError):
                self._serve(plain)

    def _serve(self, plain: socket.socket) -> None:
        self.connections += 1
        plain.settimeout(5)
        with self._context.wrap_socket(plain, server_side=True) as secured:
            if self.resets:
                self.resets -= 1
                secured.recv(1)  # the other bytes stay unread
                linger = struct.pack("ii", 1, 0)
                secured.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return
            with secured.makefile("rb") as stream:
                while length := _until_space(stream.read):
                    self.messages.append(stream.read(int(length)))
            if self.close_notify:
                secured.unwrap()


def _until_space(read) -> bytes:  # type: ignore[no-untyped-def]
    """Return the digits before a frame, or b"" at the end of the stream."""
    digits = b""
    while (byte := read(1)) not in (b" ", b""):
        digits += byte
    return digits
