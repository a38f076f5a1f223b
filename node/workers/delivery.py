"""The deliver role: send spooled results to one destination, and ask it to commit to them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from pydicom.uid import generate_uid

from node.domain.audit_events import Instance, Outcome, Peer, ResultExported
from node.domain.errors import OsteoScreenError, Unreachable
from node.domain.workflow import retry
from node.domain.workflow.delivery import (
    AwaitCommitment,
    CommitmentReport,
    Delivery,
    DeliveryOutcome,
    Stored,
)
from node.domain.workflow.retry import Failed, RetryPolicy
from node.jobs.delivery_queue import DeliveryQueue
from node.ports import Archive, Audit
from node.spool.store import FileSpool
from node.workers.loop import as_known, kept_leases, told

log = structlog.get_logger()

_NOT_REQUESTED = 0x0110  # failure reason "processing failure", PS3.3 C.14.1.1


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How a courier works: `lease` in seconds, `batch` in objects an association."""

    worker: str
    destination: str
    peer: Peer
    commitment: timedelta | None
    batch: int
    lease: float
    retry: RetryPolicy


class DeliveryWorker:
    """One delivering worker for one destination, so that a dead one holds up no other."""

    def __init__(
        self,
        outbox: DeliveryQueue,
        spool: FileSpool,
        connect: Callable[[], AbstractContextManager[Archive]],
        settings: DeliverySettings,
        audit: Audit,
        clock: Callable[[], datetime],
    ) -> None:
        self._outbox = outbox
        self._spool = spool
        self._connect = connect
        self._settings = settings
        self._audit = audit
        self._clock = clock
        self._failures = 0
        self._closed_until: datetime | None = None

    def step(self) -> int:
        """Send one batch; return how many objects it held.

        After a failure to connect, the breaker keeps this destination's deliveries waiting
        untouched, and one of them at a time tries the line.
        """
        now, settings = self._clock(), self._settings
        if self._is_closed(now):
            return 0
        limit = 1 if self._failures else settings.batch
        until = now + timedelta(seconds=settings.lease)
        claimed = self._outbox.claim(settings.destination, settings.worker, now, until, limit)
        if claimed:
            renew = lambda until: self._outbox.renew(claimed, until)  # noqa: E731
            with kept_leases(renew, settings.lease, self._clock):
                self._send(claimed)
        return len(claimed)

    def _is_closed(self, now: datetime) -> bool:
        """Return whether to wait; never longer than a pause can be: a clock may be set back."""
        if self._closed_until is None:
            return False
        left = self._closed_until - now
        return timedelta(0) < left <= timedelta(seconds=self._settings.retry.cap)

    def _send(self, claimed: Sequence[Delivery]) -> None:
        unsettled = list(claimed)
        try:
            with self._connect() as archive:
                self._failures, self._closed_until = 0, None
                stored = [one for one in claimed if self._store(archive, one, unsettled)]
                if self._settings.commitment is not None and stored:
                    self._commit(archive, stored, self._settings.commitment)
        except Unreachable as error:
            self._open_breaker(error)
            for delivery in unsettled:
                self._fail(delivery, error)

    def _store(self, archive: Archive, delivery: Delivery, unsettled: list[Delivery]) -> bool:
        """Send one object; what it meets is its own affair, but for a lost association."""
        try:
            archive.store(self._spool.verified_path(delivery.spool_key))
        except Unreachable:
            raise
        except Exception as error:  # noqa: BLE001 - one object's failure is its alone
            unsettled.remove(delivery)
            self._fail(delivery, as_known(error))
            return False
        self._tell(delivery)
        if self._settings.commitment is None:
            unsettled.remove(delivery)
            self._settle(delivery, Stored())
        return True

    def _commit(self, archive: Archive, stored: Sequence[Delivery], patience: timedelta) -> None:
        """Ask for commitment of what was stored; the transaction is on record before that."""
        transaction_uid = str(generate_uid(prefix=None))
        until = self._clock() + patience
        asked = [
            delivery
            for delivery in stored
            if self._settle(delivery, AwaitCommitment(transaction_uid, until))
        ]
        objects = [(d.sop_class_uid, d.sop_instance_uid) for d in asked]
        try:
            report = archive.request_commitment(transaction_uid, objects)
        except OsteoScreenError as error:
            log.error("commitment_not_requested", error=str(error))
            report = CommitmentReport(
                transaction_uid, (), dict.fromkeys((uid for _, uid in objects), _NOT_REQUESTED)
            )
        if report is not None:
            self._outbox.report_commitment(report, self._clock())

    def _open_breaker(self, error: Unreachable) -> None:
        self._failures += 1
        pause = retry.wait(self._failures, self._settings.retry, retry.draw_jitter())
        self._closed_until = self._clock() + timedelta(seconds=pause)
        log.warning(
            "destination_down",
            destination=self._settings.destination,
            pause=round(pause, 1),
            error=str(error),
        )

    def _fail(self, delivery: Delivery, error: OsteoScreenError) -> None:
        plan, attempt = self._settings.retry, delivery.attempt
        now = self._clock()
        self._settle(delivery, retry.decide(error, attempt, now, plan, retry.draw_jitter()))

    def _settle(self, delivery: Delivery, outcome: DeliveryOutcome) -> bool:
        kept = self._outbox.settle(delivery, outcome, self._clock())
        log.info(
            "delivery_settled" if kept else "lease_lost",
            job_id=delivery.job_id,
            destination=delivery.destination,
            kind=str(delivery.kind),
            attempt=delivery.attempt,
            **told(outcome),
        )
        if kept and isinstance(outcome, Failed):
            self._tell(delivery, Outcome.SERIOUS, outcome.error)
        return kept

    def _tell(self, delivery: Delivery, outcome: Outcome = Outcome.SUCCESS, why: str = "") -> None:
        """Have in the audit trail what the destination has got, or will not get."""
        result = Instance(
            delivery.sop_class_uid, delivery.sop_instance_uid, delivery.study_instance_uid
        )
        self._audit.record(ResultExported(self._settings.peer, result, outcome, why))
