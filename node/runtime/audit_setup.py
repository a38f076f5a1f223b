"""Open the audit trail, record the life of a part of the node in it, and ship it by syslog."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from node.audit.file_trail import open_trail
from node.audit.lifecycle import record_end, record_start
from node.config.peers import Destination, WebDestination
from node.config.settings import Config
from node.domain.audit_events import AuditOutcome, Peer
from node.ports import Audit

if TYPE_CHECKING:
    from node.audit.shipper import Shipper

_POLL_SECONDS = 1.0


def open_audit(config: Config, part: str) -> Audit:
    """Return the audit trail that a part of the node writes to."""
    from node.workers.loop import utc_now

    return open_trail(config, part, utc_now)


@contextmanager
def audit_lifetime(part: str, current: Callable[[], Config]) -> Iterator[None]:
    """Record the start and the end of a part of the node, and ship the trail once at its end.

    `current` returns the configuration, which a reload may change before the end.
    """
    audit_shipper(current())  # an unusable certificate ends the node now, not at its end
    record_start(open_audit(current(), part), current(), part)
    outcome = AuditOutcome.MAJOR
    try:
        yield
        outcome = AuditOutcome.SUCCESS
    finally:
        record_end(open_audit(current(), part), outcome)
        if (shipper := audit_shipper(current())) is not None:
            shipper.step()


def ship_audit_trail(config: Config, stop: threading.Event) -> AbstractContextManager[None]:
    """Ship the trail from a thread until the block ends; `stop` is set then."""
    from node.workers.loop import running

    shipper = audit_shipper(config)
    return running([] if shipper is None else [shipper.step], stop, _POLL_SECONDS)


def audit_peer(destination: Destination | WebDestination) -> Peer:
    """Return a destination as the audit trail names it."""
    if isinstance(destination, WebDestination):
        return Peer("", str(destination.url.host))
    return Peer(destination.ae_title, destination.host)


def audit_shipper(config: Config) -> "Shipper | None":
    """Return what ships the trail, None without a syslog server.

    Raises Misconfigured for a certificate that cannot be used.
    """
    from node.audit.backlog import Backlog
    from node.audit.shipper import Shipper
    from node.audit.syslog_client import send
    from node.security.tls import client_context

    server, trail = config.audit.syslog, config.audit.file
    if server is None or trail is None:
        return None
    context = client_context(server.tls)
    return Shipper(Backlog(trail), partial(send, server=server, context=context))
