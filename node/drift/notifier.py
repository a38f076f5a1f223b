"""Telling of alarms: one channel, one notice at a time, as often as it takes.

What is told is forgotten after the receiver has taken it, so that a crash in between tells it
again, and none is ever left out.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from node.domain.errors import Misconfigured, Unreachable
from node.domain.workflow import retry
from node.domain.workflow.retry import RetryPolicy
from node.drift.alarm_store import AlarmStore

_HELD = timedelta(minutes=5)  # longer than a receiver is ever waited for
_BACK_OFF = RetryPolicy(attempts=1, first=5.0, cap=600.0)

log = structlog.get_logger()


class Notifier:
    """Tells by one channel. Any number of processes may have one: each notice is told by one."""

    def __init__(
        self,
        channel: str,
        alarms: AlarmStore,
        tell: Callable[[dict[str, Any]], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._channel = channel
        self._alarms = alarms
        self._tell = tell
        self._clock = clock

    def step(self) -> int:
        """Tell the oldest notice that is due; return how many were told."""
        now = self._clock()
        notice = self._alarms.claim(self._channel, now, now + _HELD)
        if notice is None:
            return 0
        try:
            self._tell(notice.content)
        except (Unreachable, Misconfigured) as error:
            pause = retry.wait(notice.attempt, _BACK_OFF, retry.draw_jitter())
            self._alarms.put_off(notice, self._clock() + timedelta(seconds=pause))
            log.warning(
                "alarm_not_told",
                channel=self._channel,
                attempt=notice.attempt,
                error=str(error),
                pause=round(pause, 1),
            )
            return 0
        self._alarms.told(notice)
        return 1
