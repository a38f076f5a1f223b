"""TLS contexts for clients and for the listening port, and the expiry of certificates.

The contexts follow the BCP 195 profiles of PS3.15 (B.9 to B.12), with TLS 1.2 or later and AEAD.
"""

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import structlog

from node.config.peers import ServerTlsSection, TlsSection
from node.domain.errors import Misconfigured, Unreachable

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"  # for TLS 1.2; all ciphers of TLS 1.3 qualify

log = structlog.get_logger()


def client_context(tls: TlsSection) -> ssl.SSLContext:
    """Return a client context that verifies the peer; raise Misconfigured for unusable files."""
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"tls.ca {tls.ca} cannot be used: {tls_error_text(error)}") from None
    _strengthen(context)
    if tls.certificate is not None:
        _identify(context, tls.certificate, tls.key)
    return context


def server_context(tls: ServerTlsSection) -> ssl.SSLContext:
    """Return a server context, which requires client certificates if a CA is configured.

    Raises Misconfigured for an unusable file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _strengthen(context)
    _identify(context, tls.certificate, tls.key)
    if tls.ca is not None:
        try:
            context.load_verify_locations(tls.ca)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(
                f"tls.ca {tls.ca} cannot be used: {tls_error_text(error)}"
            ) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def loopback_context(tls: ServerTlsSection) -> ssl.SSLContext:
    """Return a client context for the node's own port, which trusts only the port's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _strengthen(context)
    _identify(context, tls.certificate, tls.key)
    context.check_hostname = False  # the certificate itself is trusted, for any name
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(tls.certificate)
    return context


class ServerCertificates:
    """The server context, which is created again when the certificate files have changed."""

    def __init__(self, tls: ServerTlsSection) -> None:
        self._tls = tls
        self._stamps = _stamps(tls)
        self._context = server_context(tls)

    def context(self) -> ssl.SSLContext:
        """Return the context for the next caller; with unusable files, return the old context."""
        now = _stamps(self._tls)
        if now != self._stamps:
            self._stamps = now
            try:
                self._context = server_context(self._tls)
                log.info("certificates_reloaded")
            except Misconfigured as error:
                log.error("certificates_not_reloaded", error=str(error))
        return self._context


def _stamps(tls: ServerTlsSection) -> list[tuple[int, int, int] | None]:
    """Return time, size and inode of each file, to detect changes, or None without a file."""
    stamps: list[tuple[int, int, int] | None] = []
    for path in (tls.certificate, tls.key, tls.ca):
        try:
            status = path.stat() if path is not None else None
        except OSError:
            status = None
        stamps.append((status.st_mtime_ns, status.st_size, status.st_ino) if status else None)
    return stamps


def _strengthen(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION


def _identify(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        # Without this callback, OpenSSL would ask for a password at the terminal.
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise Misconfigured(
            f"tls.certificate {certificate} with key {key or 'in the same file'} "
            f"cannot be used: {tls_error_text(error)}"
        ) from None


def _no_password() -> str:
    raise ValueError(
        "the key is encrypted; store it without a passphrase, readable only by the node's user"
    )


def valid_until(peer: tuple[str, int], context: ssl.SSLContext, timeout: float) -> datetime:
    """Do a TLS handshake; return the expiry of the peer's certificate, or raise Unreachable."""
    try:
        with (
            socket.create_connection(peer, timeout) as plain,
            context.wrap_socket(plain, server_hostname=peer[0]) as secured,
        ):
            certificate = secured.getpeercert() or {}
    except (OSError, ssl.SSLError) as error:
        raise Unreachable(f"{peer[0]}:{peer[1]}: no TLS: {tls_error_text(error)}") from None
    expires = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return datetime.fromtimestamp(expires, UTC)


def tls_error_text(error: Exception) -> str:
    """Return the reason of a TLS error, without OpenSSL's file and line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "the handshake failed").lower().replace("_", " ")
    if isinstance(error, ValueError):
        return str(error)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
