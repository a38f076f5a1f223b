"""What maintenance does, each chore once: rescue, expire, watch, purge. APScheduler says when."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from node.domain.hysteresis import Alarms
from node.jobs.maintenance import MaintenanceStore
from node.maintenance.orphans import FILMS, OrphanRecovery
from node.spool.store import FileSpool

_UNFINISHED = timedelta(hours=1)  # how long a transfer, or a film without a row, may be new

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RetentionPeriods:
    """How long things are kept after their job is final."""

    films: timedelta
    results: timedelta
    rows: timedelta


class MaintenanceTasks:
    """The chores, on one job table and one spool."""

    def __init__(
        self,
        care: MaintenanceStore,
        spool: FileSpool,
        adopter: OrphanRecovery,
        keeping: RetentionPeriods,
        alarm: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._care = care
        self._adopter = adopter
        self._spool = spool
        self._keeping = keeping
        self._alarm = alarm
        self._clock = clock
        self._alarms = Alarms()

    def rescue(self) -> None:
        """Take back what dead workers held."""
        if rescued := self._care.rescue(self._clock()):
            log.warning("rescued", count=rescued)

    def expire_commitments(self) -> None:
        """Send again what was stored and never committed."""
        if expired := self._care.expire_commitments(self._clock()):
            log.warning("commitments_overdue", count=expired)

    def watch(self) -> None:
        """Say when a queue has become too deep, and when it has eased."""
        depths, before = self._care.depths(), self._alarms.standing
        self._alarms = self._alarms.after(depths, self._alarm)
        for name in sorted(self._alarms.standing - before):
            log.error("queue_deep", queue=name, waiting=depths[name], alarm=self._alarm)
        for name in sorted(before - self._alarms.standing):
            log.warning("queue_eased", queue=name, waiting=depths.get(name, 0))

    def purge(self) -> None:
        """Delete what retention no longer keeps: no row may ask for bytes while they go.

        What a crash leaves behind in between is a file that no row knows, and is swept.
        """
        now, keeping, files = self._clock(), self._keeping, 0
        films, results = now - keeping.films, now - keeping.results
        while keys := self._care.spend_keys(films, results):
            for key in keys:
                self._spool.remove(key)
            files += len(keys)
        rows = self._care.purge_rows(now - keeping.rows)
        log.info("purged", files=files, rows=rows, strays=self._sweep(now))

    def _sweep(self, now: datetime) -> int:
        """Look after files that no row knows; return how many were deleted.

        A result is built again from its film. A film may have been acknowledged before the job
        table was restored from a backup: it gets a job anew, and is deleted only where the very
        film has one whose bytes are spent.
        """
        old = (now - _UNFINISHED).timestamp()
        stale = list(self._spool.keys(old))
        known = self._care.known_keys() if stale else set()
        strays = {key for key in stale if key not in known}
        films = {key for key in strays if key.startswith(FILMS)}
        twice = set(self._adopter.adopt(sorted(films)).known) if films else set()
        spent = twice - self._care.known_keys() if twice else set()
        gone = (strays - films) | spent
        for key in gone:
            self._spool.remove(key)
        return len(gone) + self._spool.sweep_incoming(old)
