"""Sending of notices, which are repeated until the receiver accepts the notice.

A notice is deleted after the receiver has accepted it. After a crash before the deletion, the
notice is sent again.
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


def send_oldest(
    channel: str,
    alarms: AlarmStore,
    send: Callable[[dict[str, Any]], None],
    clock: Callable[[], datetime],
) -> int:
    """Lease and send the oldest notice of a channel, if due; return the number of sent notices."""
    now = clock()
    notice = alarms.claim(channel, now, now + _LEASE)
    if notice is None:
        return 0
    try:
        send(notice.content)
    except (Unreachable, Misconfigured) as error:
        pause = retry.retry_delay(notice.attempt, _BACK_OFF, retry.draw_jitter())
        alarms.postpone(notice, clock() + timedelta(seconds=pause))
        log.warning(
            "notice_retry_scheduled",
            channel=channel,
            attempt=notice.attempt,
            error=str(error),
            pause=round(pause, 1),
        )
        return 0
    alarms.mark_sent(notice)
    return 1
