"""Detection of leases that a fast clock has set too far in the future.

A lease ends at most one lease duration from now, unless the clock of its worker is fast. A live
worker renews its lease three times per lease duration. A lease that is not renewed for one lease
duration therefore belongs to a dead worker, even if the lease ends much later.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from node.domain.workflow.delivery import DeliveryState
from node.domain.workflow.job import JobState
from node.jobs.tables import delivery, job

_LEASED = {job: str(JobState.ANALYSING), delivery: str(DeliveryState.SENDING)}


@dataclass
class SkewedLeases:
    """Remembers which leases end too late, and since when each of these leases is unchanged."""

    duration: timedelta
    _since: dict[tuple[str, int, datetime], datetime] = field(default_factory=dict)

    def expired(self, connection: sa.Connection, now: datetime) -> dict[sa.Table, list[int]]:
        """Return, for each table, the ids of dead workers' leases that end too late."""
        unchanged = {}
        for table, state in _LEASED.items():
            skewed = (table.c.state == state) & (table.c.lease_until > now + self.duration)
            for row in connection.execute(sa.select(table.c.id, table.c.lease_until).where(skewed)):
                key = (table.name, row.id, row.lease_until)
                unchanged[key] = self._since.get(key, now)
        self._since = unchanged
        expired = [key for key, since in unchanged.items() if now - since > self.duration]
        return {
            table: [row_id for name, row_id, _ in expired if name == table.name]
            for table in _LEASED
        }
