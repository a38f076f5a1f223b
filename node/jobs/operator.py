"""The job table for operators: the statements of the `jobs` commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from node.domain.admission.refusal_counts import RefusalCount
from node.domain.errors import Permanent
from node.domain.workflow.delivery import FINAL_DELIVERY_STATES, DeliveryEvent, DeliveryState
from node.domain.workflow.job import Job, JobEvent, JobState
from node.domain.workflow.job_summary import HistoryEntry, JobDetail
from node.jobs.engine import transaction
from node.jobs.mapping import delivery_from, job_from
from node.jobs.tables import delivery, event, job
from node.jobs.transitions import Transition, move_deliveries, move_jobs


@dataclass
class OperatorStore:
    """Reads and changes jobs for an operator."""

    engine: sa.Engine

    def recent(
        self, states: tuple[JobState, ...], limit: int, reasons: tuple[str, ...] = ()
    ) -> list[Job]:
        """Return jobs with these states and reasons, newest first; an empty filter matches all."""
        statement = sa.select(job).order_by(job.c.id.desc()).limit(limit)
        if states:
            statement = statement.where(job.c.state.in_([str(s) for s in states]))
        if reasons:
            statement = statement.where(job.c.reason.in_(reasons))
        with transaction(self.engine) as connection:
            return [job_from(row) for row in connection.execute(statement)]

    def counts(self) -> dict[JobState, int]:
        """Return the number of jobs in each state."""
        statement = sa.select(job.c.state, sa.func.count()).group_by(job.c.state)
        with transaction(self.engine) as connection:
            counts = {JobState(state): count for state, count in connection.execute(statement)}
        return {state: counts.get(state, 0) for state in JobState}

    def refusal_counts(self, since: datetime | None) -> list[RefusalCount]:
        """Count films from `since` on by calling AE title and reason (empty for admitted films)."""
        films = sa.func.count()
        statement = sa.select(job.c.calling_ae, job.c.reason, films).group_by(
            job.c.calling_ae, job.c.reason
        )
        if since is not None:
            statement = statement.where(job.c.received_at >= since)
        with transaction(self.engine) as connection:
            rows = connection.execute(statement).all()
        return sorted(RefusalCount(ae, reason, count) for ae, reason, count in rows)

    def open_deliveries(self) -> dict[str, int]:
        """Return the number of unsettled deliveries by destination."""
        statement = (
            sa.select(delivery.c.destination, sa.func.count())
            .where(delivery.c.state.not_in([str(s) for s in FINAL_DELIVERY_STATES]))
            .group_by(delivery.c.destination)
            .order_by(delivery.c.destination)
        )
        with transaction(self.engine) as connection:
            rows = connection.execute(statement).tuples().all()
        return dict(rows)

    def find(self, name: str) -> int:
        """Return the id of the newest job with this id or SOP Instance UID, or raise Permanent."""
        uid = sa.select(sa.func.max(job.c.id)).where(job.c.sop_instance_uid == name)
        by_id = sa.select(job.c.id).where(job.c.id == int(name)) if name.isdecimal() else None
        with transaction(self.engine) as connection:
            job_id = connection.scalar(by_id) if by_id is not None else None
            job_id = connection.scalar(uid) if job_id is None else job_id
        if job_id is None:
            raise Permanent(f"no job {name}; list the jobs with: osteoscreen jobs list")
        return int(job_id)

    def show(self, job_id: int) -> JobDetail:
        """Return a job with its deliveries and its history."""
        with transaction(self.engine) as connection:
            row = connection.execute(sa.select(job).where(job.c.id == job_id)).one()
            deliveries = connection.execute(
                sa.select(delivery).where(delivery.c.job_id == job_id).order_by(delivery.c.id)
            ).all()
            events = connection.execute(
                sa.select(event).where(event.c.job_id == job_id).order_by(event.c.id)
            ).all()
        return JobDetail(
            job=job_from(row),
            deliveries=tuple(delivery_from(row) for row in deliveries),
            history=tuple(
                HistoryEntry(row.at, row.event, row.state, row.who, row.why, row.delivery_id)
                for row in events
            ),
        )

    def retry(self, job_id: int, actor: str, now: datetime) -> JobState:
        """Retry the failed deliveries of a job, or its analysis if no delivery failed.

        Returns the new state of the job; raises Permanent if the job is not FAILED.
        """
        this_job, transition = job.c.id == job_id, Transition(now, actor)
        with transaction(self.engine) as connection:
            reopened = move_deliveries(
                connection,
                DeliveryEvent.REOPEN,
                [delivery.c.job_id == job_id],
                transition,
                attempt=0,
                run_after=now,
            )
            trigger = JobEvent.REDELIVER if reopened else JobEvent.REOPEN
            rows = move_jobs(connection, trigger, [this_job], transition, **_requeued(now))
        if reopened and not rows:  # the job is not FAILED yet: another delivery is not settled
            return JobState.ANALYSED
        return self._new_state(rows, job_id, "only a FAILED job can be retried")

    def resend(self, job_id: int, actor: str, now: datetime, destination: str) -> JobState:
        """Send a job's results again, to all destinations if `destination` is "".

        Returns the new state of the job; raises Permanent if no result can be sent again.
        """
        conditions = [
            delivery.c.job_id == job_id,
            delivery.c.state.in_([str(s) for s in FINAL_DELIVERY_STATES]),
        ]
        if destination:
            conditions.append(delivery.c.destination == destination)
        transition = Transition(now, actor)
        with transaction(self.engine) as connection:
            _lock_spool_key(connection, job_id)
            keys = connection.scalars(sa.select(delivery.c.spool_key).where(*conditions)).all()
            if keys and not all(keys):
                raise Permanent(
                    f"the results of job {job_id} were deleted after retention.results; "
                    "build them again with: osteoscreen jobs reanalyse"
                )
            scheduled = move_deliveries(
                connection, DeliveryEvent.RESEND, conditions, transition, attempt=0, run_after=now
            )
            this_job = [job.c.id == job_id]
            rows = (
                move_jobs(connection, JobEvent.RESEND, this_job, transition, error="")
                if scheduled
                else []
            )
        if scheduled and not rows:  # the job is ANALYSED: another delivery is not settled
            return JobState.ANALYSED
        to = f" to {destination}" if destination else ""
        return self._new_state(rows, job_id, f"it has no settled delivery{to} to send again")

    def reanalyse(self, job_id: int, actor: str, now: datetime) -> JobState:
        """Score a film again with the current model and policy.

        Raises Permanent if the job is neither DONE nor FAILED, or if its film is deleted.
        """
        transition = Transition(now, actor)
        with transaction(self.engine) as connection:
            if _lock_spool_key(connection, job_id) == "":
                raise Permanent(f"the film of job {job_id} was deleted after retention.films")
            this_job = [job.c.id == job_id]
            rows = move_jobs(connection, JobEvent.REANALYSE, this_job, transition, **_requeued(now))
            if rows:  # the new results replace those that could not be sent
                failed = delivery.c.state == str(DeliveryState.FAILED)
                connection.execute(sa.delete(delivery).where(delivery.c.job_id == job_id, failed))
        return self._new_state(rows, job_id, "only a DONE or FAILED job can be analysed again")

    def cancel(self, job_id: int, actor: str, now: datetime) -> JobState:
        """End a job that is RECEIVED or FAILED; return its new state, or raise Permanent."""
        transition = Transition(now, actor)
        with transaction(self.engine) as connection:
            rows = move_jobs(connection, JobEvent.CANCEL, [job.c.id == job_id], transition)
        return self._new_state(rows, job_id, "only a RECEIVED or FAILED job can be cancelled")

    def _new_state(self, rows: Sequence[sa.Row[Any]], job_id: int, rule: str) -> JobState:
        if rows:
            return JobState(rows[0].state)
        state = self.show(job_id).job.state
        raise Permanent(f"job {job_id} is {state}: {rule}")


def _requeued(now: datetime) -> dict[str, Any]:
    """Return the column values that make a job wait for a new first attempt."""
    return {"attempt": 0, "run_after": now, "error": "", "worker": ""}


def _lock_spool_key(connection: sa.Connection, job_id: int) -> str | None:
    """Return a job's spool key; until the transaction ends, maintenance cannot clear the key."""
    row = sa.select(job.c.spool_key).where(job.c.id == job_id).with_for_update(key_share=True)
    return connection.scalar(row)
