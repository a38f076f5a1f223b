"""The job table as maintenance sees it: expired leases, overdue commitments, bytes to purge."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from node.domain.workflow.delivery import DeliveryEvent, DeliveryState
from node.domain.workflow.job import FINAL, JobEvent, JobState
from node.domain.workflow.retry import RetryPolicy
from node.jobs.clock_skew import SkewedLeases
from node.jobs.commitments import send_again
from node.jobs.engine import transaction
from node.jobs.tables import delivery, job
from node.jobs.transitions import Change, move_jobs

_WHO = "maintenance"
_FINAL = [str(state) for state in FINAL]
_PURGED_AT_ONCE = 5_000  # jobs; a statement can name so many keys


class MaintenanceStore:
    """Implements `node.ports.Care`."""

    def __init__(
        self, engine: sa.Engine, analysis: RetryPolicy, delivery: RetryPolicy, lease: timedelta
    ) -> None:
        self._engine = engine
        self._analysis = analysis
        self._delivery = delivery
        self._lease = lease
        self._ahead = SkewedLeases(lease)

    def rescue(self, now: datetime) -> int:
        """Take back what dead workers held; fail what has ended its worker too often."""
        lost = "the worker that held it is gone: its lease ran out"
        with transaction(self._engine) as connection:
            self._make_due(connection, now)
            dead = self._ahead.look(connection, now)
            expired = [
                job.c.state == str(JobState.ANALYSING),
                (job.c.lease_until < now) | job.c.id.in_(dead.jobs),
            ]
            spent = [*expired, job.c.attempt >= self._analysis.attempts]
            failed = move_jobs(
                connection, JobEvent.FAIL, spent, Change(now, _WHO, lost), error=lost
            )
            back = move_jobs(
                connection,
                JobEvent.EXPIRE,
                expired,
                Change(now, _WHO, lost),
                worker="",
                lease_until=None,
                run_after=now,
                error=lost,
            )
            sending = [
                delivery.c.state == str(DeliveryState.SENDING),
                (delivery.c.lease_until < now) | delivery.c.id.in_(dead.deliveries),
            ]
            note = Change(now, _WHO, lost)
            sent = send_again(connection, DeliveryEvent.EXPIRE, sending, note, self._delivery)
        return len(failed) + len(back) + sent

    def _make_due(self, connection: sa.Connection, now: datetime) -> None:
        """Take up what waits longer than any wait is: a clock ran ahead when it was put off."""
        for table, waiting, plan in (
            (job, JobState.RECEIVED, self._analysis),
            (delivery, DeliveryState.PENDING, self._delivery),
        ):
            longest = timedelta(seconds=plan.cap) + self._lease
            put_off = (table.c.state == str(waiting)) & (table.c.run_after > now + longest)
            connection.execute(sa.update(table).where(put_off).values(run_after=now))

    def expire_commitments(self, now: datetime) -> int:
        """Send again what a PACS has stored and never committed."""
        overdue = [
            delivery.c.state == str(DeliveryState.AWAITING_COMMITMENT),
            delivery.c.lease_until < now,
        ]
        note = Change(now, _WHO, "no storage commitment report came in time")
        with transaction(self._engine) as connection:
            return send_again(connection, DeliveryEvent.EXPIRE, overdue, note, self._delivery)

    def spend_keys(self, films_before: datetime, results_before: datetime) -> list[str]:
        """Forget keys past their retention that no unfinished job refers to; return some of them.

        None where there are no more. Their jobs are locked, so that an operator who has one of
        them sent or scored again comes before, and they are kept, or after, and is told that the
        bytes are gone.
        """
        done = job.c.state.in_(_FINAL)
        of_job = delivery.c.job_id == job.c.id
        film = (job.c.spool_key != "") & (job.c.updated_at < films_before)
        result = (job.c.updated_at < results_before) & sa.exists().where(
            of_job, delivery.c.spool_key != ""
        )
        old = sa.select(job.c.id).where(done, film | result).limit(_PURGED_AT_ONCE)
        needed = sa.union(
            sa.select(job.c.spool_key).where(~done),
            sa.select(delivery.c.spool_key).where(of_job, ~done),
        )
        with transaction(self._engine) as connection:
            ids = connection.scalars(old.with_for_update(key_share=True)).all()
            films = sa.select(job.c.spool_key).where(job.c.id.in_(ids), film)
            results = sa.select(delivery.c.spool_key).where(
                of_job, job.c.id.in_(ids), job.c.updated_at < results_before
            )
            spent = set(connection.scalars(sa.union(films, results))) - {""}
            spent -= set(connection.scalars(needed))
            for table in (job, delivery):
                gone = table.c.spool_key.in_(sorted(spent))
                connection.execute(sa.update(table).where(gone).values(spool_key=""))
        return sorted(spent)

    def purge_rows(self, before: datetime) -> int:
        """Delete final jobs, with their deliveries and events, that were last touched before."""
        old = sa.delete(job).where(
            job.c.state.in_(_FINAL), job.c.updated_at < before, job.c.spool_key == ""
        )
        with transaction(self._engine) as connection:
            return connection.execute(old).rowcount

    def known_keys(self) -> set[str]:
        """Return every spool key that a row refers to."""
        keys = sa.union(sa.select(job.c.spool_key), sa.select(delivery.c.spool_key))
        with transaction(self._engine) as connection:
            return set(connection.scalars(keys))

    def depths(self) -> dict[str, int]:
        """Return how many wait: films to be scored, and results for each destination."""
        unscored = [str(JobState.RECEIVED), str(JobState.ANALYSING)]
        films = sa.select(sa.func.count()).select_from(job).where(job.c.state.in_(unscored))
        results = (
            sa.select(delivery.c.destination, sa.func.count())
            .where(delivery.c.state.in_([str(DeliveryState.PENDING), str(DeliveryState.SENDING)]))
            .group_by(delivery.c.destination)
        )
        with transaction(self._engine) as connection:
            waiting = {"films": connection.scalar(films) or 0}
            for destination, count in connection.execute(results).tuples():
                waiting[f"results for {destination}"] = count
        return waiting
