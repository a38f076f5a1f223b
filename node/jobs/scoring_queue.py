"""The job table as analyse sees it: claim, renew, settle."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, assert_never

import sqlalchemy as sa

from node.domain.decision.prior_studies import PriorResult
from node.domain.workflow.delivery import DOCUMENTS, DeliveryState, PlannedDelivery, Reference
from node.domain.workflow.job import Analysed, AnalysisOutcome, Job, JobEvent, JobState, NotScored
from node.domain.workflow.retry import Failed, RetryAt
from node.jobs.engine import transaction
from node.jobs.mapping import job_from, reference_from, seen_json, short, verdict_json
from node.jobs.prior_studies import prior_results
from node.jobs.study_selection import chosen_films, next_of_study
from node.jobs.tables import delivery, job
from node.jobs.transitions import Change, Where, finish_if_settled, move_jobs


class ScoringQueue:
    """Implements `node.ports.Queue`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def claim(self, worker: str, now: datetime, until: datetime, limit: int) -> list[Job]:
        """Lease up to `limit` waiting jobs, oldest first, and count the attempt.

        One that was tried before comes alone: if it is what ended its worker, it ends no other's.
        One that contends with others of its study comes when no better one is left.
        """
        waiting = (
            sa.select(job.c.id, job.c.attempt)
            .where(job.c.state == str(JobState.RECEIVED), job.c.run_after <= now, next_of_study())
            .order_by(job.c.run_after, job.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with transaction(self._engine) as connection:
            # Two statements: as a subquery of the update, PostgreSQL may run the selection more
            # than once and claim more than the limit.
            rows = move_jobs(
                connection,
                JobEvent.CLAIM,
                [job.c.id.in_(_together(connection.execute(waiting).tuples().all()))],
                Change(now, worker),
                worker=worker,
                lease_until=until,
                attempt=job.c.attempt + 1,
            )
            ids = [row.id for row in rows]
            earlier, chosen = _reports(connection, ids), chosen_films(connection, ids)
        return [job_from(row, earlier.get(row.id, ()), chosen.get(row.id, "")) for row in rows]

    def earlier(self, job: Job, since: date) -> list[PriorResult]:
        """Return what films of the same patient, taken since then, came to, newest first."""
        with transaction(self._engine) as connection:
            return prior_results(connection, job, since)

    def renew(self, jobs: Sequence[Job], until: datetime) -> int:
        """Extend the leases still held; return how many."""
        held = sa.or_(*(sa.and_(*_held(claimed)) for claimed in jobs))
        statement = sa.update(job).where(held).values(lease_until=until)
        with transaction(self._engine) as connection:
            return connection.execute(statement).rowcount

    def settle(self, job: Job, outcome: AnalysisOutcome, now: datetime) -> bool:
        """Record an outcome; False where the lease was lost and nothing was changed."""
        with transaction(self._engine) as connection:
            return _settle(connection, job, outcome, Change(now, job.worker))


def _together(waiting: Sequence[tuple[int, int]]) -> list[int]:
    """Return which of the waiting jobs, given as id and attempts so far, are claimed at once."""
    if waiting and waiting[0][1]:
        return [waiting[0][0]]
    return [job_id for job_id, attempts in waiting if not attempts]


def _reports(
    connection: sa.Connection, job_ids: Sequence[int]
) -> Mapping[int, Sequence[Reference]]:
    """Return the reports that earlier analyses of these jobs built, oldest first."""
    statement = (
        sa.select(delivery)
        .where(
            delivery.c.job_id.in_(job_ids),
            delivery.c.kind.in_([str(kind) for kind in DOCUMENTS]),
            delivery.c.series_instance_uid != "",
        )
        .order_by(delivery.c.id)
    )
    found: dict[int, dict[Reference, None]] = defaultdict(dict)
    for row in connection.execute(statement):
        found[row.job_id][reference_from(row)] = None  # one for several destinations
    return {job_id: tuple(references) for job_id, references in found.items()}


def _held(claimed: Job) -> list[Where]:
    return [
        job.c.id == claimed.id,
        job.c.worker == claimed.worker,
        job.c.attempt == claimed.attempt,
        job.c.state == str(JobState.ANALYSING),
    ]


def _settle(
    connection: sa.Connection, claimed: Job, outcome: AnalysisOutcome, note: Change
) -> bool:
    moved, values = _effect(outcome)
    note = Change(note.at, note.who, values.get("error", ""))
    if not move_jobs(connection, moved, _held(claimed), note, lease_until=None, **values):
        return False
    if isinstance(outcome, Analysed):
        _post(connection, claimed, outcome.parcels, note)
        finish_if_settled(connection, claimed.id, note)
    return True


def _effect(outcome: AnalysisOutcome) -> tuple[JobEvent, dict[str, Any]]:
    """Return the event that an outcome is, and the columns it writes."""
    match outcome:
        case Analysed(verdict=verdict, seen=seen):
            return JobEvent.ANALYSE, {
                "verdict": verdict_json(verdict),
                "reason": str(verdict.refused or ""),
                "error": short(verdict.decision.reason) if verdict.refused else "",
                "seen": seen_json(seen),
            }
        case NotScored(reason=reason, text=text, seen=seen):
            return JobEvent.REJECT, {
                "reason": reason,
                "error": short(text),
                "seen": seen_json(seen),
            }
        case RetryAt(at=at, error=error):
            return JobEvent.RETRY, {"run_after": at, "error": short(error)}
        case Failed(error=error):
            return JobEvent.FAIL, {"error": short(error)}
    assert_never(outcome)


def _post(
    connection: sa.Connection, claimed: Job, parcels: Sequence[PlannedDelivery], note: Change
) -> None:
    """Insert a delivery for each parcel. One that is there already, from an earlier analysis
    with the very same result, stays as it stands, but has its bytes again.
    """
    ours = delivery.c.job_id == claimed.id
    known = set(
        connection.execute(
            sa.select(delivery.c.destination, delivery.c.sop_instance_uid).where(ours)
        ).tuples()
    )
    for result in {parcel.result for parcel in parcels}:
        same = delivery.c.sop_instance_uid == result.sop_instance_uid
        connection.execute(sa.update(delivery).where(ours, same).values(spool_key=result.spool_key))
    rows = [
        {
            "job_id": claimed.id,
            "destination": parcel.destination,
            "kind": str(parcel.result.kind),
            "sop_class_uid": parcel.result.sop_class_uid,
            "sop_instance_uid": parcel.result.sop_instance_uid,
            "series_instance_uid": parcel.result.series_instance_uid,
            "spool_key": parcel.result.spool_key,
            "state": str(DeliveryState.PENDING),
            "attempt": 0,
            "worker": "",
            "run_after": note.at,
            "error": "",
            "transaction_uid": "",
            "updated_at": note.at,
        }
        for parcel in parcels
        if (parcel.destination, parcel.result.sop_instance_uid) not in known
    ]
    if rows:
        connection.execute(sa.insert(delivery), rows)
