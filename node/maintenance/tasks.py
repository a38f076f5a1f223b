"""The maintenance tasks, which the scheduler calls at intervals."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from node.config.sections import RetentionSection
from node.domain.hysteresis import queues_with_alarm
from node.jobs.maintenance import MaintenanceStore
from node.maintenance.orphans import FILMS, OrphanRecovery
from node.spool.store import FileSpool

_UNFINISHED = timedelta(
    hours=1
)  # a younger file may belong to a transfer, or to a row that does not exist yet

log = structlog.get_logger()


@dataclass
class MaintenanceTasks:
    """The tasks for one job table and one spool.

    Retention `periods` start at the last change of a job. If a queue reaches `alarm_depth`, an
    alarm is logged.
    """

    jobs: MaintenanceStore
    spool: FileSpool
    orphans: OrphanRecovery
    periods: RetentionSection
    alarm_depth: int
    clock: Callable[[], datetime]
    _alarms: frozenset[str] = field(default=frozenset(), init=False)

    def release_expired_leases(self) -> None:
        """Schedule the work of dead workers again."""
        if count := self.jobs.release_expired_leases(self.clock()):
            log.warning("leases_expired", count=count)

    def expire_commitments(self) -> None:
        """Send results again whose storage commitment is overdue."""
        if count := self.jobs.expire_commitments(self.clock()):
            log.warning("commitments_expired", count=count)

    def check_queue_depths(self) -> None:
        """Log when a queue becomes too long, and when the queue has recovered."""
        depths, before = self.jobs.queue_depths(), self._alarms
        self._alarms = queues_with_alarm(before, depths, self.alarm_depth)
        for queue in sorted(self._alarms - before):
            depth = depths[queue]
            log.error("queue_alarm_raised", queue=queue, depth=depth, limit=self.alarm_depth)
        for queue in sorted(before - self._alarms):
            log.warning("queue_alarm_cleared", queue=queue, depth=depths.get(queue, 0))

    def purge(self) -> None:
        """Delete files and rows whose retention has ended.

        Keys are cleared before files are deleted, so that no row refers to a missing file. After a
        crash, a later purge deletes the files without a row.
        """
        now, periods, files = self.clock(), self.periods, 0
        films_before, results_before = now - periods.films, now - periods.results
        while keys := self.jobs.clear_expired_keys(films_before, results_before):
            for key in keys:
                self.spool.remove(key)
            files += len(keys)
        rows = self.jobs.purge_rows(now - periods.rows)
        log.info("data_purged", files=files, rows=rows, orphans=self._delete_orphans(now))

    def _delete_orphans(self, now: datetime) -> int:
        """Delete files without a row and interrupted transfers; return the number of files.

        A result without a row is deleted, because its film gives the same result again. A film
        without a row may have been acknowledged, so a job is created for the film. Only a film
        whose job no longer has a spool key is deleted.
        """
        old = (now - _UNFINISHED).timestamp()
        stale = set(self.spool.keys(old))
        orphans = stale - self.jobs.referenced_keys() if stale else set()
        films = {key for key in orphans if key.startswith(FILMS)}
        duplicates = set(self.orphans.recover(sorted(films)).existing) if films else set()
        expired = duplicates - self.jobs.referenced_keys() if duplicates else set()
        deleted = (orphans - films) | expired
        for key in deleted:
            self.spool.remove(key)
        return len(deleted) + self.spool.sweep_incoming(old)
