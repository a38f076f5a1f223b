"""Ship the audit trail to a syslog server, and retry until the server has read it.

The position is stored after the server has read the lines. If the process crashes before the
position is stored, it sends some lines again and loses no line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import structlog

from node.audit.backlog import Backlog
from node.audit.syslog_client import send
from node.config.settings import Config
from node.domain.errors import Unreachable
from node.domain.workflow import retry
from node.domain.workflow.retry import RetryPolicy
from node.security.tls import client_context

_BATCH_BYTES = 256 * 1024
_BACK_OFF = RetryPolicy(attempts=1, first=1.0, cap=60.0)

log = structlog.get_logger()


@dataclass
class Shipper:
    """Ships one audit trail; of several processes with a shipper, only one sends at a time."""

    backlog: Backlog
    send: Callable[[Sequence[bytes]], None]
    _failures: int = field(default=0, init=False)
    _due: float = field(default=0.0, init=False)

    def step(self) -> int:
        """Return the number of lines in the shipped batch, or 0 in the pause after a failure."""
        if monotonic() < self._due:
            return 0
        try:
            with self.backlog.exclusive() as may_ship:
                shipped = self._ship() if may_ship else 0
        except (Unreachable, OSError) as error:
            self._pause(error)
            return 0
        self._failures = 0
        return shipped

    def _ship(self) -> int:
        unshipped = self.backlog.next_lines(_BATCH_BYTES)
        if unshipped is None:
            return 0
        self.send(unshipped.lines)
        self.backlog.mark_shipped(unshipped.end)
        return len(unshipped.lines)

    def _pause(self, error: Exception) -> None:
        self._failures += 1
        pause = retry.retry_delay(self._failures, _BACK_OFF, retry.draw_jitter())
        self._due = monotonic() + pause
        log.warning("audit_retry_scheduled", error=str(error), pause=round(pause, 1))


def open_shipper(config: Config) -> Shipper | None:
    """Return the shipper, or None without a server; raise Misconfigured for bad certificates."""
    server, trail = config.audit.syslog, config.audit.file
    if server is None or trail is None:
        return None
    context = client_context(server.tls)
    return Shipper(Backlog(trail), partial(send, server=server, context=context))
