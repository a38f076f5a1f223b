"""Sending of notices: one channel, one notice at a time, until its receiver accepts it.

A notice is deleted after the receiver has accepted it. A crash between the two sends it again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from node.domain.errors import Misconfigured, Unreachable
from node.domain.workflow import retry
from node.domain.workflow.retry import RetryPolicy
from node.drift.alarm_store import AlarmStore

_LEASE = timedelta(minutes=5)  # longer than the time-out of any receiver
_BACK_OFF = RetryPolicy(attempts=1, first=5.0, cap=600.0)

log = structlog.get_logger()


class Notifier:
    """Sends the notices of one channel. Several processes may do so: each notice is leased."""

    def __init__(
        self,
        channel: str,
        alarms: AlarmStore,
        send: Callable[[dict[str, Any]], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._channel = channel
        self._alarms = alarms
        self._send = send
        self._clock = clock

    def step(self) -> int:
        """Send the oldest notice, if it is due; return the number of sent notices."""
        now = self._clock()
        notice = self._alarms.claim(self._channel, now, now + _LEASE)
        if notice is None:
            return 0
        try:
            self._send(notice.content)
        except (Unreachable, Misconfigured) as error:
            pause = retry.retry_delay(notice.attempt, _BACK_OFF, retry.draw_jitter())
            self._alarms.postpone(notice, self._clock() + timedelta(seconds=pause))
            log.warning(
                "notice_retry_scheduled",
                channel=self._channel,
                attempt=notice.attempt,
                error=str(error),
                pause=round(pause, 1),
            )
            return 0
        self._alarms.mark_sent(notice)
        return 1
