"""Send lines to a syslog server by TLS (RFC 5425), as PS3.15 A.6 requires."""

import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress

from node.config.peers import SyslogSection
from node.domain.errors import Unreachable
from node.security.tls import tls_error_text


def send(lines: Sequence[bytes], server: SyslogSection, context: ssl.SSLContext) -> None:
    """Send lines over a new connection; return when the server has read them all.

    A syslog server sends no answer, but closes the connection after it has read all lines and the
    node's close_notify (RFC 5425, 4.4). This function waits until the server closes the connection.
    Raises Unreachable with the reason, for example if the connection is reset.
    """
    address = f"{server.host}:{server.port}"
    try:
        plain = socket.create_connection((server.host, server.port), server.timeout)
        with plain, context.wrap_socket(plain, server_hostname=server.host) as secured:
            secured.sendall(b"".join(framed(line) for line in lines))
            # A server may close the connection without close_notify; a reset raises another error.
            with suppress(ssl.SSLEOFError):
                secured.unwrap()
    except OSError as error:
        kind = "no TLS: " if isinstance(error, ssl.SSLError) else ""
        raise Unreachable(f"{address}: {kind}{tls_error_text(error)}") from None


def framed(line: bytes) -> bytes:
    """Return a message with its length before it, as octet counting requires (RFC 5425, 4.3)."""
    return b"%d %s" % (len(line), line)
