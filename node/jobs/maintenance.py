"""The job table for maintenance: expired leases, overdue commitments, retention."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from node.domain.workflow.delivery import DeliveryEvent, DeliveryState
from node.domain.workflow.job import FINAL_JOB_STATES, JobEvent, JobState
from node.domain.workflow.retry import RetryPolicy
from node.jobs.clock_skew import SkewedLeases
from node.jobs.commitments import send_again
from node.jobs.engine import execute, transaction
from node.jobs.tables import delivery, job
from node.jobs.transitions import Condition, Transition, move_jobs

_ACTOR = "maintenance"
_LEASE_EXPIRED = "the lease expired: its worker has ended or lost its connection"
_FINAL = job.c.state.in_([str(state) for state in FINAL_JOB_STATES])
_JOBS_PER_PURGE = 5_000  # a statement has a maximum number of parameters


@dataclass
class MaintenanceStore:
    """Runs the database statements of the maintenance tasks."""

    engine: sa.Engine
    analysis: RetryPolicy
    delivery: RetryPolicy
    lease: timedelta

    def __post_init__(self) -> None:
        self._skewed = SkewedLeases(self.lease)

    def release_expired_leases(self, now: datetime) -> int:
        """Schedule the work of dead workers again; return the number of jobs and deliveries.

        A job or delivery without attempts left fails, because it may have crashed its workers.
        """
        with transaction(self.engine) as connection:
            self._limit_waits(connection, now)
            skewed = self._skewed.expired(connection, now)
            jobs = [
                job.c.state == str(JobState.ANALYSING),
                (job.c.lease_until < now) | job.c.id.in_(skewed[job]),
            ]
            deliveries = [
                delivery.c.state == str(DeliveryState.SENDING),
                (delivery.c.lease_until < now) | delivery.c.id.in_(skewed[delivery]),
            ]
            transition = Transition(now, _ACTOR, _LEASE_EXPIRED)
            released = self._release_jobs(connection, jobs, transition)
            return released + send_again(
                connection, DeliveryEvent.EXPIRE, deliveries, transition, self.delivery
            )

    def _release_jobs(
        self, connection: sa.Connection, expired: list[Condition], transition: Transition
    ) -> int:
        exhausted = [*expired, job.c.attempt >= self.analysis.attempts]
        error = transition.reason
        failed = move_jobs(connection, JobEvent.FAIL, exhausted, transition, error=error)
        scheduled = move_jobs(
            connection,
            JobEvent.EXPIRE,
            expired,
            transition,
            worker="",
            lease_until=None,
            run_after=transition.at,
            error=error,
        )
        return len(failed) + len(scheduled)

    def _limit_waits(self, connection: sa.Connection, now: datetime) -> None:
        """Make overlong waits end now, because only a fast clock can schedule such waits."""
        for table, state, policy in (
            (job, JobState.RECEIVED, self.analysis),
            (delivery, DeliveryState.PENDING, self.delivery),
        ):
            longest = timedelta(seconds=policy.cap) + self.lease
            too_late = (table.c.state == str(state)) & (table.c.run_after > now + longest)
            connection.execute(sa.update(table).where(too_late).values(run_after=now))

    def expire_commitments(self, now: datetime) -> int:
        """Schedule deliveries again whose commitment is overdue; return their number."""
        overdue = [
            delivery.c.state == str(DeliveryState.AWAITING_COMMITMENT),
            delivery.c.lease_until < now,
        ]
        transition = Transition(now, _ACTOR, "no storage commitment report came in time")
        with transaction(self.engine) as connection:
            return send_again(connection, DeliveryEvent.EXPIRE, overdue, transition, self.delivery)

    def clear_expired_keys(self, films_before: datetime, results_before: datetime) -> list[str]:
        """Clear some spool keys whose retention has ended; return the cleared keys.

        A key that an unfinished job uses is kept. The jobs are locked until their keys are cleared,
        so that no operator can resend or reanalyse a locked job.
        """
        of_job = delivery.c.job_id == job.c.id
        film = (job.c.spool_key != "") & (job.c.updated_at < films_before)
        result = (job.c.updated_at < results_before) & sa.exists().where(
            of_job, delivery.c.spool_key != ""
        )
        expired_jobs = sa.select(job.c.id).where(_FINAL, film | result).limit(_JOBS_PER_PURGE)
        used = sa.union(
            sa.select(job.c.spool_key).where(~_FINAL),
            sa.select(delivery.c.spool_key).where(of_job, ~_FINAL),
        )
        with transaction(self.engine) as connection:
            ids = connection.scalars(expired_jobs.with_for_update(key_share=True)).all()
            films = sa.select(job.c.spool_key).where(job.c.id.in_(ids), film)
            results = sa.select(delivery.c.spool_key).where(
                of_job, job.c.id.in_(ids), job.c.updated_at < results_before
            )
            expired = set(connection.scalars(sa.union(films, results))) - {""}
            expired -= set(connection.scalars(used))
            for table in (job, delivery):
                rows = table.c.spool_key.in_(sorted(expired))
                connection.execute(sa.update(table).where(rows).values(spool_key=""))
        return sorted(expired)

    def purge_rows(self, before: datetime) -> int:
        """Delete final jobs without a film, unchanged since `before`; return their number."""
        expired = sa.delete(job).where(_FINAL, job.c.updated_at < before, job.c.spool_key == "")
        return execute(self.engine, expired)

    def referenced_keys(self) -> set[str]:
        """Return every spool key that a job or a delivery refers to."""
        keys = sa.union(sa.select(job.c.spool_key), sa.select(delivery.c.spool_key))
        with transaction(self.engine) as connection:
            return set(connection.scalars(keys))

    def queue_depths(self) -> dict[str, int]:
        """Return the number of films to score, and of results to send to each destination."""
        unscored = [str(JobState.RECEIVED), str(JobState.ANALYSING)]
        films = sa.select(sa.func.count()).select_from(job).where(job.c.state.in_(unscored))
        results = (
            sa.select(delivery.c.destination, sa.func.count())
            .where(delivery.c.state.in_([str(DeliveryState.PENDING), str(DeliveryState.SENDING)]))
            .group_by(delivery.c.destination)
        )
        with transaction(self.engine) as connection:
            depths = {"films": connection.scalar(films) or 0}
            for destination, count in connection.execute(results).tuples():
                depths[f"results for {destination}"] = count
        return depths
