"""Shipping the audit trail to a syslog server: as soon as it is written, and as often as it takes.

What is shipped is remembered after the server has read it, so that a crash in between sends some
lines again, and none is ever left out.
"""

from collections.abc import Callable, Sequence
from time import monotonic

import structlog

from node.audit.backlog import Backlog
from node.domain.errors import Unreachable
from node.domain.workflow import retry
from node.domain.workflow.retry import RetryPolicy

_BATCH_BYTES = 256 * 1024
_BACK_OFF = RetryPolicy(attempts=1, first=1.0, cap=60.0)

log = structlog.get_logger()


class Shipper:
    """Ships one trail. Any number of processes may have one: one at a time does the work."""

    def __init__(self, backlog: Backlog, send: Callable[[Sequence[bytes]], None]) -> None:
        self._backlog = backlog
        self._send = send
        self._failures = 0
        self._due = 0.0

    def step(self) -> int:
        """Ship one batch; return how many lines. A server that is down gets a pause."""
        if monotonic() < self._due:
            return 0
        try:
            with self._backlog.held() as ours:
                shipped = self._ship() if ours else 0
        except (Unreachable, OSError) as error:
            self._pause(error)
            return 0
        self._failures = 0
        return shipped

    def _ship(self) -> int:
        batch = self._backlog.next(_BATCH_BYTES)
        if batch is None:
            return 0
        self._send(batch.lines)
        self._backlog.shipped(batch.reached)
        return len(batch.lines)

    def _pause(self, error: Exception) -> None:
        self._failures += 1
        pause = retry.wait(self._failures, _BACK_OFF, retry.draw_jitter())
        self._due = monotonic() + pause
        log.warning("audit_not_shipped", error=str(error), pause=round(pause, 1))
