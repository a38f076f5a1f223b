"""Whom the node talks to: itself, as a peer would, each destination, and the syslog server.

Each function returns what was seen, or raises what is wrong and what to do.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import SSLContext

from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from node.config.peers import Destination, Syslog, WebDestination
from node.config.settings import Config
from node.domain.errors import NotLetIn, OsteoScreenError

_EXPIRY_NOTICE = timedelta(days=14)
_SYNTAXES: Mapping[UID, str] = {
    ExplicitVRLittleEndian: "explicit VR",
    ImplicitVRLittleEndian: "implicit VR",
    JPEG2000Lossless: "JPEG 2000 lossless",
}


def node(config: Config) -> str:
    """Ask our own node for a C-ECHO, as a peer would."""
    from node.security.tls import loopback_context

    here = Destination(
        name="self",
        ae_title=config.dicom.ae_title,
        host=config.dicom.bind,
        port=config.dicom.port,
        timeout=5,
    )
    where = f"{here.ae_title} at {here.host}:{here.port}"
    tls = config.dicom.tls
    context = loopback_context(tls) if tls is not None else None
    try:
        _accepted(config, here, context)
    except NotLetIn:
        return f"{where} answers; dicom.callers lets nobody in from here"
    except OsteoScreenError as error:
        raise OsteoScreenError(f"{error} (is osteoscreen serve running?)") from error
    return f"{where} answers{_tls((here.host, here.port), context, here.timeout)}"


def destination(config: Config, peer: Destination | WebDestination) -> str:
    """See that a destination answers and takes what it is to be sent."""
    return _web(peer) if isinstance(peer, WebDestination) else _dimse(config, peer)


def _dimse(config: Config, peer: Destination) -> str:
    from node.pacs.association import sop_classes
    from node.pacs.commitment import PUSH_MODEL

    needed = sop_classes(peer, config.results.sr_class)
    if peer.commitment:
        needed.append(PUSH_MODEL)
    accepted = _accepted(config, peer)
    where = f"{peer.ae_title} at {peer.host}:{peer.port}"
    takes = "; ".join(_offer(uid, syntaxes) for uid, syntaxes in accepted.items()) or "nothing"
    if refused := [uid.name for uid in needed if uid not in accepted]:
        raise OsteoScreenError(
            f"{where} answers, but refuses {', '.join(refused)}; it takes: {takes}"
        )
    tls = _tls((peer.host, peer.port), _context(peer), peer.timeout)
    return f"{where} answers and takes what we send{tls}; in all: {takes}"


def _offer(sop_class: UID, syntaxes: list[UID]) -> str:
    from node.pacs.commitment import PUSH_MODEL

    if sop_class == PUSH_MODEL:
        return sop_class.name.removesuffix(" SOP Class")
    told = ", ".join(_SYNTAXES.get(syntax, syntax.name) for syntax in syntaxes)
    return f"{sop_class.name.removesuffix(' Storage')} ({told})"


def _accepted(
    config: Config, peer: Destination, context: SSLContext | None = None
) -> dict[UID, list[UID]]:
    """Associate, send a C-ECHO, and return what the peer takes of what we can send, and how."""
    from node.pacs.association import VERIFICATION, open_archive

    with open_archive(peer, config.dicom.ae_title, context) as archive:
        archive.echo()
        accepted = archive.accepted()
    accepted.pop(VERIFICATION, None)
    return accepted


def _web(peer: WebDestination) -> str:
    from node.pacs.stow import open_web

    with open_web(peer) as archive:
        archive.check()
    address = (str(peer.url.host), int(peer.url.port or 443))
    tls = _tls(address, _context(peer), peer.timeout)
    return f"{peer.url} answers and lets us in{tls}"


def syslog(server: Syslog, trail: Path) -> str:
    """See that the syslog server can be trusted, and tell how much of the trail it lacks."""
    from node.audit.backlog import Backlog

    tls = _tls((server.host, server.port), _context(server), server.timeout)
    waiting = Backlog(trail).size()
    return f"{server.host}:{server.port} answers{tls}; {waiting} bytes wait to be shipped"


def _context(peer: Destination | WebDestination | Syslog) -> SSLContext | None:
    from node.security.tls import client_context

    return None if peer.tls is None else client_context(peer.tls)


def _tls(address: tuple[str, int], context: SSLContext | None, timeout: float) -> str:
    """Return until when a peer's certificate holds; raise where that is soon over."""
    from node.security.tls import valid_until

    if context is None:
        return ""
    until = valid_until(address, context, timeout)
    if until - datetime.now(UTC) < _EXPIRY_NOTICE:
        raise OsteoScreenError(
            f"the certificate of {address[0]} expires on {until:%Y-%m-%d}: renew it"
        )
    return f", by TLS, with a certificate until {until:%Y-%m-%d}"
