"""N-EVENT-REPORT of the Storage Commitment Push Model (PS3.4 Annex J): what a PACS has kept."""

from collections.abc import Callable
from datetime import datetime
from threading import BoundedSemaphore
from typing import Any

import structlog
from pydicom import Dataset

from node.domain.errors import Permanent, Transient
from node.jobs.intake import IntakeStore
from node.pacs.commitment import read_report

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
INVALID_ARGUMENT = 0x0115
_AT_ONCE = 8

log = structlog.get_logger()


class ReportService:
    """Answers commitment reports on associations that a PACS opens to us."""

    def __init__(self, intake: IntakeStore, clock: Callable[[], datetime]) -> None:
        self._intake = intake
        self._clock = clock
        # pynetdicom gives every report a thread of its own.
        self._places = BoundedSemaphore(_AT_ONCE)

    def on_report(self, event: Any) -> tuple[int, Dataset | None]:
        """Settle what the report names, and answer only once that is durable."""
        if not self._places.acquire(blocking=False):
            return PROCESSING_FAILURE, None
        try:
            return self._settled(event)
        finally:
            self._places.release()

    def _settled(self, event: Any) -> tuple[int, Dataset | None]:
        calling_ae = event.assoc.requestor.ae_title.strip()
        try:
            report = read_report(event.event_information)
        except Permanent:
            log.warning("commitment_report_unreadable", calling_ae=calling_ae)
            return INVALID_ARGUMENT, None
        try:
            settled = self._intake.report_commitment(report, self._clock())
        except (Transient, Permanent) as error:
            log.error("commitment_report_refused", calling_ae=calling_ae, error=str(error))
            return PROCESSING_FAILURE, None
        log.info(
            "commitment_reported",
            calling_ae=calling_ae,
            committed=len(report.committed),
            failed=len(report.failed),
            settled=settled,
        )
        return SUCCESS, None
