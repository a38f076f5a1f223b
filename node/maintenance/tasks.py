"""The maintenance tasks, each as one method; the scheduler calls them at intervals."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from node.config.sections import RetentionSection
from node.domain.hysteresis import queues_with_alarm
from node.jobs.maintenance import MaintenanceStore
from node.maintenance.orphans import FILMS, OrphanRecovery
from node.spool.store import FileSpool

_UNFINISHED = timedelta(hours=1)  # a younger file may belong to a transfer or to a row to come

log = structlog.get_logger()


@dataclass
class MaintenanceTasks:
    """The tasks for one job table and one spool.

    `periods` count from the last change of a job. `alarm_depth` is the queue depth at which the log
    reports an alarm.
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
        """Log when a queue becomes too long, and when it has recovered."""
        depths, before = self.jobs.queue_depths(), self._alarms
        self._alarms = queues_with_alarm(before, depths, self.alarm_depth)
        for queue in sorted(self._alarms - before):
            depth = depths[queue]
            log.error("queue_alarm_raised", queue=queue, depth=depth, limit=self.alarm_depth)
        for queue in sorted(before - self._alarms):
            log.warning("queue_alarm_cleared", queue=queue, depth=depths.get(queue, 0))

    def purge(self) -> None:
        """Delete bytes and rows whose retention has ended.

        The keys are cleared before the bytes are deleted, so that no row refers to missing bytes.
        A crash between the two leaves files without a row, which a later purge deletes.
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
        """Delete files without a row; return their number.

        A result without a row is deleted, because its film gives the same result again. A film
        without a row may have been acknowledged, and gets a job. It is deleted only if it already
        has a job whose key is cleared.
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
