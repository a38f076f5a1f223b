"""TLS with peers of every kind: whom to trust, who we are, how long certificates hold.

After the BCP 195 profiles of PS3.15 (B.9 to B.12): TLS 1.2 or later, forward secrecy, AEAD ciphers.
"""

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import structlog

from node.config.peers import ServerTls, Tls
from node.domain.errors import Misconfigured, Unreachable

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"  # of TLS 1.2; TLS 1.3 has no weaker ones

log = structlog.get_logger()


def client_context(tls: Tls) -> ssl.SSLContext:
    """Return the context of our side: TLS 1.2 or later, the peer's name and chain checked.

    Raises Misconfigured for a file that cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"tls.ca {tls.ca} cannot be used: {reason_of(error)}") from None
    _strengthen(context)
    if tls.certificate is not None:
        _identify(context, tls.certificate, tls.key)
    return context


def server_context(tls: ServerTls) -> ssl.SSLContext:
    """Return the context of our listening side; with a CA, every caller must be signed by it.

    Raises Misconfigured for a file that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _strengthen(context)
    _identify(context, tls.certificate, tls.key)
    if tls.ca is not None:
        try:
            context.load_verify_locations(tls.ca)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(f"tls.ca {tls.ca} cannot be used: {reason_of(error)}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def loopback_context(tls: ServerTls) -> ssl.SSLContext:
    """Return the context to call our own listening side, which trusts its very certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _strengthen(context)
    _identify(context, tls.certificate, tls.key)
    context.check_hostname = False  # this certificate and no other, whatever names it has
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(tls.certificate)
    return context


class ServerCertificates:
    """The context of our listening side, made anew when its files have changed."""

    def __init__(self, tls: ServerTls) -> None:
        self._tls = tls
        self._seen = _stamps(tls)
        self._context = server_context(tls)

    def context(self) -> ssl.SSLContext:
        """Return the context for the next caller; the last good one where the files are broken."""
        now = _stamps(self._tls)
        if now != self._seen:
            self._seen = now
            try:
                self._context = server_context(self._tls)
                log.info("certificates_reloaded")
            except Misconfigured as error:
                log.error("certificates_kept", error=str(error))
        return self._context


def _stamps(tls: ServerTls) -> list[tuple[int, int, int] | None]:
    """Return what changes when a file is written or replaced, None for one that is not there."""
    stamps: list[tuple[int, int, int] | None] = []
    for path in (tls.certificate, tls.key, tls.ca):
        try:
            found = path.stat() if path is not None else None
        except OSError:
            found = None
        stamps.append((found.st_mtime_ns, found.st_size, found.st_ino) if found else None)
    return stamps


def _strengthen(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION


def _identify(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        # A password would be asked for on the terminal, where nobody sits.
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise Misconfigured(
            f"tls.certificate {certificate} with key {key or 'in the same file'} "
            f"cannot be used: {reason_of(error)}"
        ) from None


def _no_password() -> str:
    raise ValueError("the key is encrypted; give it without a passphrase, readable by us alone")


def valid_until(peer: tuple[str, int], context: ssl.SSLContext, timeout: float) -> datetime:
    """Shake hands with a peer, by host and port, and return when its certificate expires.

    Raises Unreachable with the reason, which the DICOM layer would keep to itself.
    """
    try:
        with (
            socket.create_connection(peer, timeout) as plain,
            context.wrap_socket(plain, server_hostname=peer[0]) as secured,
        ):
            certificate = secured.getpeercert() or {}
    except (OSError, ssl.SSLError) as error:
        raise Unreachable(f"{peer[0]}:{peer[1]}: no TLS: {reason_of(error)}") from None
    expires = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return datetime.fromtimestamp(expires, UTC)


def reason_of(error: Exception) -> str:
    """Return a reason in words, without OpenSSL's file and line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "the handshake failed").lower().replace("_", " ")
    if isinstance(error, ValueError):
        return str(error)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
