"""Alarms that stand, and what is still to be told of them: by each channel, until it is."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from node.drift.alarms import Standing
from node.drift.metrics import Source
from node.jobs.engine import reading, transaction
from node.jobs.tables import alarm, notice

_LATE = timedelta(days=7)
"""After which a notice is told no more: whoever gets it would look for what is long past."""

_LONGEST = timedelta(minutes=15)
"""No notice is put off for longer, unless by a clock that ran ahead; then it is due."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a channel is to be told. `attempt` counts this one, too."""

    id: int
    content: dict[str, Any]
    attempt: int


class AlarmStore:
    """Alarms and notices. Of several maintenances, one raises an alarm and one tells of it."""

    def __init__(self, engine: sa.Engine, channels: Collection[str]) -> None:
        self._engine = engine
        self._channels = tuple(channels)

    def standing(self) -> list[Standing]:
        """Return the alarms that stand, by source."""
        order = (alarm.c.calling_ae, alarm.c.station, alarm.c.measure)
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(alarm).order_by(*order))
            return [
                Standing(Source(row.calling_ae, row.station), row.measure, row.since)
                for row in rows
            ]

    def raised(self, source: Source, measure: str, now: datetime, content: dict[str, Any]) -> bool:
        """Have an alarm stand, and every channel told; False where it stands already."""
        postgres = self._engine.dialect.name == "postgresql"
        values = {**source._asdict(), "measure": measure, "since": now}
        insert = postgresql.insert(alarm) if postgres else sqlite.insert(alarm)
        with transaction(self._engine) as connection:
            statement = insert.values(values).on_conflict_do_nothing().returning(alarm.c.id)
            new = connection.scalar(statement) is not None
            if new:
                self._notify(connection, now, content)
        return new

    def eased(self, source: Source, measure: str, now: datetime, content: dict[str, Any]) -> bool:
        """End an alarm, and have every channel told; False where it does not stand any more."""
        this = (
            (alarm.c.calling_ae == source.calling_ae)
            & (alarm.c.station == source.station)
            & (alarm.c.measure == measure)
        )
        with transaction(self._engine) as connection:
            ended = connection.execute(sa.delete(alarm).where(this)).rowcount == 1
            if ended:
                self._notify(connection, now, content)
        return ended

    def claim(self, channel: str, now: datetime, until: datetime) -> Notice | None:
        """Take the oldest notice of a channel, if it is due, and hold it for a time.

        Later ones wait until it is told or too late: that an alarm has eased must not be told
        before the alarm.
        """
        fresh = (notice.c.channel == channel) & (notice.c.made_at > now - _LATE)
        with reading(self._engine) as connection:
            oldest = sa.select(notice).where(fresh).order_by(notice.c.id).limit(1)
            row = connection.execute(oldest).one_or_none()
        if row is None or now < row.due_at <= now + _LONGEST:
            return None
        # Another maintenance may have taken it meanwhile.
        still = (notice.c.id == row.id) & (notice.c.attempt == row.attempt)
        taken = sa.update(notice).where(still).values(due_at=until, attempt=row.attempt + 1)
        with transaction(self._engine) as connection:
            ours = connection.execute(taken).rowcount == 1
        return Notice(row.id, row.content, row.attempt + 1) if ours else None

    def told(self, one: Notice) -> None:
        """Forget a notice that was taken."""
        with transaction(self._engine) as connection:
            connection.execute(sa.delete(notice).where(notice.c.id == one.id))

    def put_off(self, one: Notice, until: datetime) -> None:
        """Have a notice that was not taken told later."""
        with transaction(self._engine) as connection:
            later = sa.update(notice).where(notice.c.id == one.id).values(due_at=until)
            connection.execute(later)

    def purge(self, now: datetime) -> int:
        """Delete the notices that nobody would take in time; return how many."""
        with transaction(self._engine) as connection:
            late = sa.delete(notice).where(notice.c.made_at <= now - _LATE)
            return connection.execute(late).rowcount

    def _notify(self, connection: sa.Connection, now: datetime, content: dict[str, Any]) -> None:
        for channel in self._channels:
            values = {"channel": channel, "content": content, "attempt": 0}
            connection.execute(sa.insert(notice).values(made_at=now, due_at=now, **values))
