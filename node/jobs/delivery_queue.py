"""The job table for delivery workers: claim, renew and settle deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never

import sqlalchemy as sa

from node.domain.workflow.delivery import (
    AwaitCommitment,
    CommitmentReport,
    Delivery,
    DeliveryEvent,
    DeliveryOutcome,
    DeliveryState,
    Stored,
)
from node.domain.workflow.retry import Failed, RetryAt, RetryPolicy
from node.jobs import leases
from node.jobs.commitments import settle_report
from node.jobs.engine import transaction
from node.jobs.mapping import delivery_from, short
from node.jobs.tables import delivery, job
from node.jobs.transitions import Transition, move_deliveries

_SENDING = str(DeliveryState.SENDING)


@dataclass
class DeliveryQueue:
    """The delivery queues of all destinations."""

    engine: sa.Engine
    retry: RetryPolicy

    def claim(
        self, destination: str, worker: str, now: datetime, until: datetime, limit: int
    ) -> list[Delivery]:
        """Lease up to `limit` pending deliveries to a destination, oldest first."""
        pending = (
            sa.select(delivery.c.id)
            .where(
                delivery.c.destination == destination,
                delivery.c.state == str(DeliveryState.PENDING),
                delivery.c.run_after <= now,
            )
            .order_by(delivery.c.run_after, delivery.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with transaction(self.engine) as connection:
            rows = move_deliveries(
                connection,
                DeliveryEvent.CLAIM,
                [delivery.c.id.in_(connection.scalars(pending).all())],
                Transition(now, worker),
                worker=worker,
                lease_until=until,
                attempt=delivery.c.attempt + 1,
            )
            studies = _studies(connection, {row.job_id for row in rows})
        return [replace(delivery_from(row), study_instance_uid=studies[row.job_id]) for row in rows]

    def renew(self, deliveries: Sequence[Delivery], until: datetime) -> int:
        """Extend the leases that the worker still holds; return the number of extended leases."""
        return leases.renew(self.engine, delivery.c.lease_until, deliveries, _SENDING, until)

    def settle(self, claimed: Delivery, outcome: DeliveryOutcome, now: datetime) -> bool:
        """Record a delivery's outcome; if the lease was lost, change nothing and return False."""
        trigger, values = _effect(outcome)
        transition = Transition(now, claimed.worker, values.get("error", ""))
        held = [leases.is_held(delivery, claimed, _SENDING)]
        with transaction(self.engine) as connection:
            rows = move_deliveries(connection, trigger, held, transition, **values)
        return bool(rows)

    def report_commitment(self, report: CommitmentReport, now: datetime) -> int:
        """Settle the deliveries of a commitment report; return their number."""
        with transaction(self.engine) as connection:
            return settle_report(connection, report, now, self.retry)


def _studies(connection: sa.Connection, job_ids: set[int]) -> dict[int, str]:
    """Return the Study Instance UID of each job."""
    uid = job.c.film["study_instance_uid"].as_string()
    rows = connection.execute(sa.select(job.c.id, uid).where(job.c.id.in_(job_ids)))
    return dict(rows.tuples().all())


def _effect(outcome: DeliveryOutcome) -> tuple[DeliveryEvent, dict[str, Any]]:
    """Return the event that an outcome causes, and the new values of columns."""
    match outcome:
        case Stored():
            return DeliveryEvent.STORE, {"error": "", "lease_until": None}
        case AwaitCommitment(transaction_uid=uid, until=until):
            # While a delivery awaits commitment, the lease column contains the time limit for the
            # report.
            return DeliveryEvent.REQUEST_COMMITMENT, {
                "error": "",
                "transaction_uid": uid,
                "lease_until": until,
            }
        case RetryAt(at=at, error=error):
            return DeliveryEvent.RETRY, {
                "run_after": at,
                "error": short(error),
                "lease_until": None,
            }
        case Failed(error=error):
            return DeliveryEvent.FAIL, {"error": short(error), "lease_until": None}
    assert_never(outcome)
