"""The job table as the operator sees it: list, show, retry, cancel."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from node.domain.admission.refusal_counts import Tally
from node.domain.errors import Permanent
from node.domain.workflow.delivery import SETTLED, DeliveryEvent, DeliveryState
from node.domain.workflow.job import Job, JobEvent, JobState
from node.domain.workflow.job_summary import HistoryEntry, JobDetail
from node.jobs.engine import transaction
from node.jobs.mapping import delivery_from, job_from
from node.jobs.tables import delivery, event, job
from node.jobs.transitions import Change, move_deliveries, move_jobs


class OperatorStore:
    """What the `jobs` commands do."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def recent(
        self, states: tuple[JobState, ...], limit: int, reasons: tuple[str, ...] = ()
    ) -> list[Job]:
        """Return the newest jobs first, of these states and reasons, or of all."""
        statement = sa.select(job).order_by(job.c.id.desc()).limit(limit)
        if states:
            statement = statement.where(job.c.state.in_([str(s) for s in states]))
        if reasons:
            statement = statement.where(job.c.reason.in_(reasons))
        with transaction(self._engine) as connection:
            return [job_from(row) for row in connection.execute(statement)]

    def counts(self) -> dict[JobState, int]:
        """Return how many jobs stand in each state."""
        statement = sa.select(job.c.state, sa.func.count()).group_by(job.c.state)
        with transaction(self._engine) as connection:
            found = {JobState(state): count for state, count in connection.execute(statement)}
        return {state: found.get(state, 0) for state in JobState}

    def reasons(self, since: datetime | None) -> list[Tally]:
        """Return how many films each caller has sent, by the reason why they are not scored.

        Of those received from `since` on, or of all.
        """
        films = sa.func.count()
        statement = sa.select(job.c.calling_ae, job.c.reason, films).group_by(
            job.c.calling_ae, job.c.reason
        )
        if since is not None:
            statement = statement.where(job.c.received_at >= since)
        with transaction(self._engine) as connection:
            rows = connection.execute(statement).all()
        return sorted(Tally(ae, reason, count) for ae, reason, count in rows)

    def waiting(self) -> dict[str, int]:
        """Return how many deliveries are not settled yet, by destination."""
        statement = (
            sa.select(delivery.c.destination, sa.func.count())
            .where(delivery.c.state.not_in([str(s) for s in SETTLED]))
            .group_by(delivery.c.destination)
            .order_by(delivery.c.destination)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(statement).tuples().all()
        return dict(rows)

    def find(self, name: str) -> int:
        """Return the id of a job named by its id or by its SOP Instance UID (the newest)."""
        uid = sa.select(sa.func.max(job.c.id)).where(job.c.sop_instance_uid == name)
        by_id = sa.select(job.c.id).where(job.c.id == int(name)) if name.isdecimal() else None
        with transaction(self._engine) as connection:
            found = connection.scalar(by_id) if by_id is not None else None
            found = connection.scalar(uid) if found is None else found
        if found is None:
            raise Permanent(f"no job {name}; osteoscreen jobs list shows those there are")
        return int(found)

    def show(self, job_id: int) -> JobDetail:
        """Return a job with its deliveries and its history."""
        with transaction(self._engine) as connection:
            row = connection.execute(sa.select(job).where(job.c.id == job_id)).one()
            sent = connection.execute(
                sa.select(delivery).where(delivery.c.job_id == job_id).order_by(delivery.c.id)
            ).all()
            past = connection.execute(
                sa.select(event).where(event.c.job_id == job_id).order_by(event.c.id)
            ).all()
        return JobDetail(
            job=job_from(row),
            deliveries=tuple(delivery_from(line) for line in sent),
            history=tuple(
                HistoryEntry(e.at, e.event, e.state, e.who, e.why, e.delivery_id) for e in past
            ),
        )

    def retry(self, job_id: int, who: str, now: datetime) -> JobState:
        """Give a failed job its attempts anew: its failed deliveries, or else its analysis."""
        this, note = job.c.id == job_id, Change(now, who)
        with transaction(self._engine) as connection:
            reopened = move_deliveries(
                connection,
                DeliveryEvent.REOPEN,
                [delivery.c.job_id == job_id],
                note,
                attempt=0,
                run_after=now,
            )
            moved = JobEvent.REDELIVER if reopened else JobEvent.REOPEN
            rows = move_jobs(
                connection, moved, [this], note, attempt=0, run_after=now, error="", worker=""
            )
        if reopened and not rows:  # another delivery is still under way: the job waits for it
            return JobState.ANALYSED
        return self._moved(rows, job_id, "only a FAILED job can be retried")

    def resend(self, job_id: int, who: str, now: datetime, destination: str) -> JobState:
        """Send settled results again, as they are; to one destination, or to all for ""."""
        where = [delivery.c.job_id == job_id, delivery.c.state.in_([str(s) for s in SETTLED])]
        if destination:
            where.append(delivery.c.destination == destination)
        note = Change(now, who)
        with transaction(self._engine) as connection:
            _spool_key_locked(connection, job_id)
            keys = connection.scalars(sa.select(delivery.c.spool_key).where(*where)).all()
            if keys and not all(keys):
                raise Permanent(
                    f"results of job {job_id} are gone after retention.results; "
                    "osteoscreen jobs reanalyse builds them anew"
                )
            moved = move_deliveries(
                connection, DeliveryEvent.RESEND, where, note, attempt=0, run_after=now
            )
            rows = (
                move_jobs(connection, JobEvent.RESEND, [job.c.id == job_id], note, error="")
                if moved
                else []
            )
        if moved and not rows:  # others are still under way: the job waits for them anyway
            return JobState.ANALYSED
        to = f" to {destination}" if destination else ""
        return self._moved(rows, job_id, f"nothing was sent{to} that could be sent again")

    def reanalyse(self, job_id: int, who: str, now: datetime) -> JobState:
        """Score a film again, by the model and the thresholds that are configured now."""
        this, note = job.c.id == job_id, Change(now, who)
        with transaction(self._engine) as connection:
            if _spool_key_locked(connection, job_id) == "":
                raise Permanent(f"the film of job {job_id} is gone after retention.films")
            rows = move_jobs(
                connection,
                JobEvent.REANALYSE,
                [this],
                note,
                attempt=0,
                run_after=now,
                error="",
                worker="",
            )
            if rows:  # what could not be sent is not asked for any more
                failed = delivery.c.state == str(DeliveryState.FAILED)
                connection.execute(sa.delete(delivery).where(delivery.c.job_id == job_id, failed))
        return self._moved(rows, job_id, "only a DONE or FAILED job can be analysed again")

    def cancel(self, job_id: int, who: str, now: datetime) -> JobState:
        """End a job that waits or has failed."""
        note = Change(now, who)
        with transaction(self._engine) as connection:
            rows = move_jobs(connection, JobEvent.CANCEL, [job.c.id == job_id], note)
        return self._moved(rows, job_id, "only a RECEIVED or FAILED job can be cancelled")

    def _moved(self, rows: Sequence[sa.Row[Any]], job_id: int, rule: str) -> JobState:
        if rows:
            return JobState(rows[0].state)
        state = self.show(job_id).job.state
        raise Permanent(f"job {job_id} is {state}: {rule}")


def _spool_key_locked(connection: sa.Connection, job_id: int) -> str | None:
    """Return a job's spool key; until the transaction ends, maintenance cannot purge its bytes."""
    row = sa.select(job.c.spool_key).where(job.c.id == job_id).with_for_update(key_share=True)
    return connection.scalar(row)
