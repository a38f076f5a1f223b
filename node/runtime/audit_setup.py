"""The audit trail put together: who writes it, what it tells of the node, who ships it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from node.audit.file_trail import open_trail
from node.audit.lifecycle import told
from node.config.peers import Destination, WebDestination
from node.config.settings import Config
from node.domain.audit_events import Peer
from node.ports import Audit

if TYPE_CHECKING:
    from node.audit.shipper import Shipper

_POLL = 1.0  # seconds between two looks at a trail that is shipped


def audit_of(config: Config, part: str) -> Audit:
    """Return the trail that a part of the node writes to."""
    from node.workers.loop import utc_now

    return open_trail(config, part, utc_now)


@contextmanager
def audited(config: Config, part: str) -> Iterator[None]:
    """Tell the trail of the start of a part of the node, and of its end, and ship that."""
    shipper = _shipper(config)
    try:
        with told(audit_of(config, part), config, part):
            yield
    finally:
        if shipper is not None:
            shipper.step()


@contextmanager
def shipped(config: Config, stop: threading.Event) -> Iterator[None]:
    """Ship the trail, on a thread of its own, until the block ends; `stop` is set then."""
    from node.workers.loop import run

    shipper = _shipper(config)
    if shipper is None:
        yield
        return
    thread = threading.Thread(target=run, args=(shipper.step, stop, _POLL))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def peer_of(destination: Destination | WebDestination) -> Peer:
    """Return what the trail calls a destination."""
    if isinstance(destination, WebDestination):
        return Peer("", str(destination.url.host))
    return Peer(destination.ae_title, destination.host)


def _shipper(config: Config) -> "Shipper | None":
    """Return who ships the trail, None for nobody; raise Misconfigured for files of no use."""
    from node.audit.backlog import Backlog
    from node.audit.shipper import Shipper
    from node.audit.syslog_client import send
    from node.security.tls import client_context

    server, trail = config.audit.syslog, config.audit.file
    if server is None or trail is None:
        return None
    context = client_context(server.tls)
    return Shipper(Backlog(trail), partial(send, server=server, context=context))
