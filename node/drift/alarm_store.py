"""Storage of active alarms, and of the notices that each channel has not sent yet."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from node.drift.alarms import ActiveAlarm, alarm_key
from node.drift.metrics import Source
from node.jobs.engine import execute, insert_into, reading, transaction
from node.jobs.tables import alarm, notice

_MAX_AGE = timedelta(days=7)  # an older notice is not sent, because it is no longer useful
_MAX_DELAY = timedelta(minutes=15)  # a later time was set by a fast clock, and counts as due


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for one channel; `attempt` includes the current attempt."""

    id: int
    content: dict[str, Any]
    attempt: int


class AlarmStore:
    """Stores alarms and notices; of several maintenance processes, only one sends a notice."""

    def __init__(self, engine: sa.Engine, channels: Collection[str]) -> None:
        self._engine = engine
        self._channels = tuple(channels)

    def active(self) -> list[ActiveAlarm]:
        """Return the active alarms, sorted by source."""
        order = (alarm.c.calling_ae, alarm.c.station, alarm.c.measure)
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(alarm).order_by(*order))
            return [
                ActiveAlarm(Source(row.calling_ae, row.station), row.measure, row.since)
                for row in rows
            ]

    def activate(
        self, source: Source, measure: str, now: datetime, content: dict[str, Any]
    ) -> bool:
        """Store an alarm and its notices; return False if the alarm is already active."""
        insert = insert_into(self._engine, alarm).values(**alarm_key(source, measure), since=now)
        with transaction(self._engine) as connection:
            statement = insert.on_conflict_do_nothing().returning(alarm.c.id)
            new = connection.scalar(statement) is not None
            if new:
                self._notify(connection, now, content)
        return new

    def clear(self, source: Source, measure: str, now: datetime, content: dict[str, Any]) -> bool:
        """Delete an alarm and store its notices; return False if the alarm is not active."""
        statement = sa.delete(alarm).filter_by(**alarm_key(source, measure))
        with transaction(self._engine) as connection:
            cleared = connection.execute(statement).rowcount == 1
            if cleared:
                self._notify(connection, now, content)
        return cleared

    def claim(self, channel: str, now: datetime, until: datetime) -> Notice | None:
        """Lease the oldest notice of a channel if due; later notices wait for the oldest notice."""
        sendable = (notice.c.channel == channel) & (notice.c.made_at > now - _MAX_AGE)
        with reading(self._engine) as connection:
            oldest = sa.select(notice).where(sendable).order_by(notice.c.id).limit(1)
            row = connection.execute(oldest).one_or_none()
        if row is None or now < row.due_at <= now + _MAX_DELAY:
            return None
        # Another maintenance process may have claimed the notice after the SELECT.
        unclaimed = (notice.c.id == row.id) & (notice.c.attempt == row.attempt)
        claim = sa.update(notice).where(unclaimed).values(due_at=until, attempt=row.attempt + 1)
        claimed = execute(self._engine, claim) == 1
        return Notice(row.id, row.content, row.attempt + 1) if claimed else None

    def mark_sent(self, accepted: Notice) -> None:
        """Delete a notice that its receiver accepted."""
        execute(self._engine, sa.delete(notice).where(notice.c.id == accepted.id))

    def postpone(self, failed: Notice, until: datetime) -> None:
        """Schedule a notice that its receiver did not accept."""
        this_notice = notice.c.id == failed.id
        execute(self._engine, sa.update(notice).where(this_notice).values(due_at=until))

    def purge(self, now: datetime) -> int:
        """Delete the notices that are too old to be sent; return their number."""
        return execute(self._engine, sa.delete(notice).where(notice.c.made_at <= now - _MAX_AGE))

    def _notify(self, connection: sa.Connection, now: datetime, content: dict[str, Any]) -> None:
        for channel in self._channels:
            values = {"channel": channel, "content": content, "attempt": 0}
            connection.execute(sa.insert(notice).values(made_at=now, due_at=now, **values))
