"""The job table for scoring workers: claim, renew and settle jobs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, assert_never

import sqlalchemy as sa

from node.domain.decision.prior_studies import PriorResult
from node.domain.workflow.delivery import (
    KINDS_WITH_PREDECESSOR,
    DeliveryState,
    PlannedDelivery,
    ResultReference,
)
from node.domain.workflow.job import Analysed, AnalysisOutcome, Job, JobEvent, JobState, NotScored
from node.domain.workflow.retry import Failed, RetryAt
from node.jobs import leases
from node.jobs.engine import transaction
from node.jobs.mapping import findings_json, job_from, reference_from, short, verdict_json
from node.jobs.prior_studies import prior_results
from node.jobs.study_selection import chosen_films, next_of_study
from node.jobs.tables import delivery, job
from node.jobs.transitions import Transition, finish_if_settled, move_jobs

_ANALYSING = str(JobState.ANALYSING)


@dataclass
class ScoringQueue:
    """The jobs that wait for analysis."""

    engine: sa.Engine

    def claim(self, worker: str, now: datetime, until: datetime, limit: int) -> list[Job]:
        """Lease up to `limit` waiting jobs, oldest first, and count the attempt.

        A job that was tried before is claimed alone: if it crashes its worker, no other job is
        affected. Of the films of one study, the film with the best rank is claimed first.
        """
        waiting = (
            sa.select(job.c.id, job.c.attempt)
            .where(job.c.state == str(JobState.RECEIVED), job.c.run_after <= now, next_of_study())
            .order_by(job.c.run_after, job.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with transaction(self.engine) as connection:
            # Two statements are used, because PostgreSQL may run a subquery of the update more than
            # once, and would then claim too many jobs.
            rows = move_jobs(
                connection,
                JobEvent.CLAIM,
                [job.c.id.in_(_claimable(connection.execute(waiting).tuples().all()))],
                Transition(now, worker),
                worker=worker,
                lease_until=until,
                attempt=job.c.attempt + 1,
            )
            ids = [row.id for row in rows]
            reports, chosen = _reports(connection, ids), chosen_films(connection, ids)
        return [job_from(row, reports.get(row.id, ()), chosen.get(row.id, "")) for row in rows]

    def prior_results(self, job: Job, since: date) -> list[PriorResult]:
        """Return the results of the patient's earlier films, newest first, back to `since`."""
        with transaction(self.engine) as connection:
            return prior_results(connection, job, since)

    def renew(self, jobs: Sequence[Job], until: datetime) -> int:
        """Extend the leases that the worker still holds; return the number of extended leases."""
        return leases.renew(self.engine, job.c.lease_until, jobs, _ANALYSING, until)

    def settle(self, claimed: Job, outcome: AnalysisOutcome, now: datetime) -> bool:
        """Record an analysis outcome; if the lease was lost, change nothing and return False."""
        trigger, values = _effect(outcome)
        transition = Transition(now, claimed.worker, values.get("error", ""))
        held = [leases.is_held(job, claimed, _ANALYSING)]
        with transaction(self.engine) as connection:
            if not move_jobs(connection, trigger, held, transition, lease_until=None, **values):
                return False
            if isinstance(outcome, Analysed):
                _insert_deliveries(connection, claimed, outcome.deliveries, now)
                finish_if_settled(connection, claimed.id, transition)
        return True


def _claimable(waiting: Sequence[tuple[int, int]]) -> list[int]:
    """Return the ids of jobs to claim together; `waiting` contains job ids with their attempts."""
    if waiting and waiting[0][1]:
        return [waiting[0][0]]
    return [job_id for job_id, attempts in waiting if not attempts]


def _reports(
    connection: sa.Connection, job_ids: Sequence[int]
) -> Mapping[int, Sequence[ResultReference]]:
    """Return the reports of earlier analyses of each job, oldest first."""
    statement = (
        sa.select(delivery)
        .where(
            delivery.c.job_id.in_(job_ids),
            delivery.c.kind.in_([str(kind) for kind in KINDS_WITH_PREDECESSOR]),
            delivery.c.series_instance_uid != "",
        )
        .order_by(delivery.c.id)
    )
    reports: dict[int, dict[ResultReference, None]] = defaultdict(dict)
    for row in connection.execute(statement):
        reports[row.job_id][reference_from(row)] = None  # several destinations share a report
    return {job_id: tuple(references) for job_id, references in reports.items()}


def _effect(outcome: AnalysisOutcome) -> tuple[JobEvent, dict[str, Any]]:
    """Return the event that an outcome causes, and the new values of columns."""
    match outcome:
        case Analysed(verdict=verdict, image_findings=findings):
            return JobEvent.ANALYSE, {
                "verdict": verdict_json(verdict),
                "reason": str(verdict.refusal_reason or ""),
                "error": short(verdict.decision.reason) if verdict.refusal_reason else "",
                "seen": findings_json(findings),
            }
        case NotScored(reason=reason, text=text, image_findings=findings):
            return JobEvent.REJECT, {
                "reason": reason,
                "error": short(text),
                "seen": findings_json(findings),
            }
        case RetryAt(at=at, error=error):
            return JobEvent.RETRY, {"run_after": at, "error": short(error)}
        case Failed(error=error):
            return JobEvent.FAIL, {"error": short(error)}
    assert_never(outcome)


def _insert_deliveries(
    connection: sa.Connection, claimed: Job, planned: Sequence[PlannedDelivery], now: datetime
) -> None:
    """Insert a row for each planned delivery that has no row.

    Deliveries of an earlier analysis with the same result keep their state. Their spool keys are
    set again, because retention may have cleared the keys.
    """
    of_job = delivery.c.job_id == claimed.id
    existing = set(
        connection.execute(
            sa.select(delivery.c.destination, delivery.c.sop_instance_uid).where(of_job)
        ).tuples()
    )
    for result in {planned_delivery.result for planned_delivery in planned}:
        is_result = delivery.c.sop_instance_uid == result.sop_instance_uid
        values = {"spool_key": result.spool_key}
        connection.execute(sa.update(delivery).where(of_job, is_result).values(values))
    rows = [
        {
            "job_id": claimed.id,
            "destination": planned_delivery.destination,
            "kind": str(planned_delivery.result.kind),
            "sop_class_uid": planned_delivery.result.sop_class_uid,
            "sop_instance_uid": planned_delivery.result.sop_instance_uid,
            "series_instance_uid": planned_delivery.result.series_instance_uid,
            "spool_key": planned_delivery.result.spool_key,
            "state": str(DeliveryState.PENDING),
            "attempt": 0,
            "worker": "",
            "run_after": now,
            "error": "",
            "transaction_uid": "",
            "updated_at": now,
        }
        for planned_delivery in planned
        if (planned_delivery.destination, planned_delivery.result.sop_instance_uid) not in existing
    ]
    if rows:
        connection.execute(sa.insert(delivery), rows)
