"""Leases that a clock which ran ahead has given out: they would hold a dead worker's work so long.

No lease reaches farther than its span from now, unless its worker's clock is ahead of ours, or was
before it was set back. A living worker renews its lease three times in a span, whatever its clock
says; one that stands unchanged for a span belongs to a dead one.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from node.domain.workflow.delivery import DeliveryState
from node.domain.workflow.job import JobState
from node.jobs.tables import delivery, job

_HELD = {job: str(JobState.ANALYSING), delivery: str(DeliveryState.SENDING)}


@dataclass(frozen=True, slots=True)
class ExpiredLeases:
    """The ids of jobs and deliveries whose leases stand still, too far ahead."""

    jobs: tuple[int, ...]
    deliveries: tuple[int, ...]


@dataclass
class SkewedLeases:
    """Remembers, from one look to the next, which leases reach too far, and since when."""

    span: timedelta
    _since: dict[tuple[str, int, datetime], datetime] = field(default_factory=dict)

    def look(self, connection: sa.Connection, now: datetime) -> ExpiredLeases:
        """Return what is held by leases that have stood unchanged for longer than their span."""
        seen = {}
        for table, held in _HELD.items():
            far = (table.c.state == held) & (table.c.lease_until > now + self.span)
            for row in connection.execute(sa.select(table.c.id, table.c.lease_until).where(far)):
                key = (table.name, row.id, row.lease_until)
                seen[key] = self._since.get(key, now)
        self._since = seen
        still = [key for key, since in seen.items() if now - since > self.span]
        return ExpiredLeases(
            jobs=tuple(id_ for name, id_, _ in still if name == job.name),
            deliveries=tuple(id_ for name, id_, _ in still if name == delivery.name),
        )
