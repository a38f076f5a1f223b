"""Checks of connections: the node's own port, each destination, and the syslog server.

Each check returns its result as text, or raises OsteoScreenError with the remedy.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import SSLContext

from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from node.audit.backlog import Backlog
from node.config.peers import Destination, SyslogSection, WebDestination
from node.config.settings import Config
from node.domain.errors import AssociationRejected, OsteoScreenError
from node.pacs.association import VERIFICATION, open_archive, sop_classes
from node.pacs.commitment import PUSH_MODEL
from node.pacs.stow import open_web
from node.security.tls import client_context, loopback_context, valid_until

_EXPIRY_NOTICE = timedelta(days=14)
_SYNTAXES: Mapping[UID, str] = {
    ExplicitVRLittleEndian: "explicit VR",
    ImplicitVRLittleEndian: "implicit VR",
    JPEG2000Lossless: "JPEG 2000 lossless",
}


def node(config: Config) -> str:
    """Send a C-ECHO to the node's own port."""
    own = Destination(
        name="self",
        ae_title=config.dicom.ae_title,
        host=config.dicom.bind,
        port=config.dicom.port,
        timeout=5,
    )
    where = f"{own.ae_title} at {own.host}:{own.port}"
    tls = config.dicom.tls
    context = loopback_context(tls) if tls is not None else None
    try:
        _accepted(config, own, context)
    except AssociationRejected:
        return f"{where} answers; dicom.callers allows no sender on this machine"
    except OsteoScreenError as error:
        raise OsteoScreenError(f"{error} (is osteoscreen serve running?)") from error
    return f"{where} answers{_tls((own.host, own.port), context, own.timeout)}"


def destination(config: Config, peer: Destination | WebDestination) -> str:
    """Check that a destination answers and accepts the configured kinds of results."""
    return _web(peer) if isinstance(peer, WebDestination) else _dimse(config, peer)


def _dimse(config: Config, peer: Destination) -> str:
    needed = sop_classes(peer, config.results.sr_class)
    if peer.commitment:
        needed.append(PUSH_MODEL)
    accepted = _accepted(config, peer)
    where = f"{peer.ae_title} at {peer.host}:{peer.port}"
    accepts = "; ".join(_offer(uid, syntaxes) for uid, syntaxes in accepted.items()) or "nothing"
    if refused := [uid.name for uid in needed if uid not in accepted]:
        raise OsteoScreenError(
            f"{where} answers, but does not accept {', '.join(refused)}; it accepts: {accepts}"
        )
    tls = _tls((peer.host, peer.port), _context(peer), peer.timeout)
    return f"{where} answers and accepts the results{tls}; it accepts: {accepts}"


def _offer(sop_class: UID, syntaxes: list[UID]) -> str:
    if sop_class == PUSH_MODEL:
        return sop_class.name.removesuffix(" SOP Class")
    names = ", ".join(_SYNTAXES.get(syntax, syntax.name) for syntax in syntaxes)
    return f"{sop_class.name.removesuffix(' Storage')} ({names})"


def _accepted(
    config: Config, peer: Destination, context: SSLContext | None = None
) -> dict[UID, list[UID]]:
    """Send a C-ECHO; return the accepted SOP Classes, with their transfer syntaxes."""
    with open_archive(peer, config.dicom.ae_title, context) as archive:
        archive.echo()
        accepted = archive.accepted()
    accepted.pop(VERIFICATION, None)
    return accepted


def _web(peer: WebDestination) -> str:
    with open_web(peer) as archive:
        archive.check()
    address = (str(peer.url.host), int(peer.url.port or 443))
    tls = _tls(address, _context(peer), peer.timeout)
    return f"{peer.url} answers and accepts the credentials{tls}"


def syslog(server: SyslogSection, trail: Path) -> str:
    """Check TLS of the syslog server, and report how many bytes of the trail are unshipped."""
    tls = _tls((server.host, server.port), _context(server), server.timeout)
    waiting = Backlog(trail).unshipped_bytes()
    return f"{server.host}:{server.port} answers{tls}; {waiting} bytes not shipped yet"


def _context(peer: Destination | WebDestination | SyslogSection) -> SSLContext | None:
    return None if peer.tls is None else client_context(peer.tls)


def _tls(address: tuple[str, int], context: SSLContext | None, timeout: float) -> str:
    """Return when a peer's certificate expires; raise an error if it expires within two weeks."""
    if context is None:
        return ""
    until = valid_until(address, context, timeout)
    if until - datetime.now(UTC) < _EXPIRY_NOTICE:
        raise OsteoScreenError(
            f"the certificate of {address[0]} expires on {until:%Y-%m-%d}: renew it"
        )
    return f" by TLS, certificate valid until {until:%Y-%m-%d}"
