"""TLS to a destination: whom to trust, who we are, and until when the certificates hold."""

import socket
import ssl
from datetime import UTC, datetime

from node.config_peers import Tls
from node.domain.errors import Misconfigured, Unreachable


def client_context(tls: Tls) -> ssl.SSLContext:
    """Return the context of our side: TLS 1.2 or later, the peer's name and chain checked.

    Raises Misconfigured for a file that cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"tls.ca {tls.ca} cannot be used: {_why(error)}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate is not None:
        try:
            context.load_cert_chain(tls.certificate, tls.key)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(
                f"tls.certificate {tls.certificate} with key {tls.key or 'in the same file'} "
                f"cannot be used: {_why(error)}"
            ) from None
    return context


def valid_until(peer: tuple[str, int], tls: Tls, timeout: float) -> datetime:
    """Shake hands with a peer, by host and port, and return when its certificate expires.

    Raises Unreachable with the reason, which the DICOM layer would keep to itself.
    """
    try:
        with (
            socket.create_connection(peer, timeout) as plain,
            client_context(tls).wrap_socket(plain, server_hostname=peer[0]) as secured,
        ):
            certificate = secured.getpeercert() or {}
    except (OSError, ssl.SSLError) as error:
        raise Unreachable(f"{peer[0]}:{peer[1]}: no TLS: {_why(error)}") from None
    expires = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return datetime.fromtimestamp(expires, UTC)


def _why(error: Exception) -> str:
    """Return a reason in words, without OpenSSL's file and line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "the handshake failed").lower().replace("_", " ")
    return getattr(error, "strerror", None) or type(error).__name__
