"""Sending lines to a syslog server by TLS (RFC 5425), as PS3.15 A.6 asks."""

import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress

from node.config.peers import Syslog
from node.domain.errors import Unreachable
from node.security.tls import reason_of


def send(lines: Sequence[bytes], server: Syslog, context: ssl.SSLContext) -> None:
    """Send lines over a connection of their own; return once the server has read them all.

    Syslog answers nothing. But who gets our close_notify has read all that came before it, and
    answers with its own, or closes (RFC 5425, 4.4): that is waited for. A server that goes down
    meanwhile resets the connection instead, and whatever it had not read is not lost.

    Raises Unreachable with the reason.
    """
    where = f"{server.host}:{server.port}"
    try:
        plain = socket.create_connection((server.host, server.port), server.timeout)
        with plain, context.wrap_socket(plain, server_hostname=server.host) as secured:
            secured.sendall(b"".join(framed(line) for line in lines))
            # An end without a word of TLS is an end as well; a reset is another error.
            with suppress(ssl.SSLEOFError):
                secured.unwrap()
    except OSError as error:
        kind = "no TLS: " if isinstance(error, ssl.SSLError) else ""
        raise Unreachable(f"{where}: {kind}{reason_of(error)}") from None


def framed(line: bytes) -> bytes:
    """Return a message with its length before it: octet counting (RFC 5425, 4.3)."""
    return b"%d %s" % (len(line), line)
