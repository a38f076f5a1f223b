"""The delivery worker: it sends spooled results to one destination and requests commitment."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from pydicom.uid import generate_uid

from node.domain.audit_events import AuditOutcome, Instance, Peer, ResultExported
from node.domain.errors import OsteoScreenError, Unreachable
from node.domain.workflow import retry
from node.domain.workflow.delivery import (
    AwaitCommitment,
    CommitmentReport,
    Delivery,
    DeliveryOutcome,
    Stored,
)
from node.domain.workflow.retry import Failed, RetryAt
from node.jobs.delivery_queue import DeliveryQueue
from node.ports import Archive, Audit
from node.spool.store import FileSpool
from node.workers.loop import ClaimSettings, outcome_of_error, process_batch

log = structlog.get_logger()

_PROCESSING_FAILURE = 0x0110  # Failure Reason, PS3.3 C.14.1.1


@dataclass(frozen=True, slots=True)
class DeliverySettings(ClaimSettings):
    """The settings of a delivery worker, which sends each batch on one association.

    `commitment` is the time limit for a commitment report, or None without storage commitment.
    """

    destination: str
    peer: Peer
    commitment: timedelta | None


@dataclass
class DeliveryWorker:
    """The worker of one destination; a destination that is down does not delay other workers."""

    queue: DeliveryQueue
    spool: FileSpool
    connect: Callable[[], AbstractContextManager[Archive]]
    settings: DeliverySettings
    audit: Audit
    clock: Callable[[], datetime]
    _failed_connections: int = field(default=0, init=False)
    _paused_until: datetime | None = field(default=None, init=False)

    def step(self) -> int:
        """Claim and send one batch; return its number of objects.

        After a failed connection, the worker pauses and then claims one delivery at a time until a
        connection succeeds. A failed connection during this time therefore uses up an attempt of
        only one delivery.
        """
        if self._is_paused():
            return 0
        settings = replace(self.settings, batch=1) if self._failed_connections else self.settings
        claim = partial(self.queue.claim, settings.destination)
        return process_batch(claim, self.queue.renew, self._send, settings, self.clock)

    def _is_paused(self) -> bool:
        """Return whether the worker is paused; setting back the clock does not extend a pause."""
        if self._paused_until is None:
            return False
        remaining = self._paused_until - self.clock()
        return timedelta(0) < remaining <= timedelta(seconds=self.settings.retry.cap)

    def _send(self, claimed: Sequence[Delivery]) -> None:
        unsettled = list(claimed)
        try:
            with self.connect() as archive:
                self._failed_connections, self._paused_until = 0, None
                stored = [
                    delivery for delivery in claimed if self._store(archive, delivery, unsettled)
                ]
                if self.settings.commitment is not None and stored:
                    self._request_commitment(archive, stored, self.settings.commitment)
        except Unreachable as error:
            self._pause(error)
            for delivery in unsettled:
                self._fail(delivery, error)

    def _store(self, archive: Archive, delivery: Delivery, unsettled: list[Delivery]) -> bool:
        """Return whether one object was stored; raise Unreachable if the association was lost."""
        try:
            archive.store(self.spool.verified_path(delivery.spool_key))
        except Unreachable:
            raise
        except Exception as error:  # noqa: BLE001 - the failure of one object
            unsettled.remove(delivery)
            self._fail(delivery, error)
            return False
        self._audit_export(delivery)
        if self.settings.commitment is None:
            unsettled.remove(delivery)
            self._settle(delivery, Stored())
        return True

    def _request_commitment(
        self, archive: Archive, stored: Sequence[Delivery], time_limit: timedelta
    ) -> None:
        """Write the transaction UID to the database, then request commitment of stored objects."""
        transaction_uid = str(generate_uid(prefix=None))
        until = self.clock() + time_limit
        awaiting = [
            delivery
            for delivery in stored
            if self._settle(delivery, AwaitCommitment(transaction_uid, until))
        ]
        objects = [(delivery.sop_class_uid, delivery.sop_instance_uid) for delivery in awaiting]
        try:
            report = archive.request_commitment(transaction_uid, objects)
        except OsteoScreenError as error:
            log.error("commitment_request_failed", error=str(error))
            failures = dict.fromkeys((uid for _, uid in objects), _PROCESSING_FAILURE)
            report = CommitmentReport(transaction_uid, (), failures)
        if report is not None:
            self.queue.report_commitment(report, self.clock())

    def _pause(self, error: Unreachable) -> None:
        self._failed_connections += 1
        pause = retry.retry_delay(
            self._failed_connections, self.settings.retry, retry.draw_jitter()
        )
        self._paused_until = self.clock() + timedelta(seconds=pause)
        log.warning(
            "destination_down",
            destination=self.settings.destination,
            pause=round(pause, 1),
            error=str(error),
        )

    def _fail(self, delivery: Delivery, error: Exception) -> None:
        now, policy = self.clock(), self.settings.retry
        self._settle(delivery, outcome_of_error(error, delivery.attempt, now, policy))

    def _settle(self, delivery: Delivery, outcome: DeliveryOutcome) -> bool:
        """Record the outcome of a delivery; return False if the lease was lost."""
        delivery_log = log.bind(
            job_id=delivery.job_id,
            destination=delivery.destination,
            kind=str(delivery.kind),
            attempt=delivery.attempt,
        )
        if not self.queue.settle(delivery, outcome, self.clock()):
            delivery_log.info("lease_lost")
            return False
        match outcome:
            case Stored():
                delivery_log.info("delivery_finished")
            case AwaitCommitment():
                delivery_log.info("delivery_stored")
            case RetryAt(at=at, error=error):
                delivery_log.warning(
                    "delivery_retry_scheduled", error=error, retry_at=at.isoformat()
                )
            case Failed(error=error):
                delivery_log.error("delivery_failed", error=error)
                self._audit_export(delivery, AuditOutcome.SERIOUS, error)
        return True

    def _audit_export(
        self, delivery: Delivery, outcome: AuditOutcome = AuditOutcome.SUCCESS, error: str = ""
    ) -> None:
        """Record in the audit trail that a result was delivered, or that its delivery failed."""
        result = Instance(
            delivery.sop_class_uid, delivery.sop_instance_uid, delivery.study_instance_uid
        )
        self.audit.record(ResultExported(self.settings.peer, result, outcome, error))
