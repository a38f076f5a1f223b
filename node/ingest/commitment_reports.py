"""Receipt of storage commitment reports by N-EVENT-REPORT (PS3.4 Annex J)."""

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
_MAX_CONCURRENT = 8

log = structlog.get_logger()


class ReportService:
    """Answers commitment reports on associations that a PACS opens to the node."""

    def __init__(self, intake: IntakeStore, clock: Callable[[], datetime]) -> None:
        self._intake = intake
        self._clock = clock
        # pynetdicom starts a thread for every report.
        self._slots = BoundedSemaphore(_MAX_CONCURRENT)

    def on_report(self, event: Any) -> tuple[int, Dataset | None]:
        """Settle the deliveries of a report durably; return the DIMSE status and no data set."""
        if not self._slots.acquire(blocking=False):
            return PROCESSING_FAILURE, None
        try:
            return self._settle(event)
        finally:
            self._slots.release()

    def _settle(self, event: Any) -> tuple[int, Dataset | None]:
        calling_ae = event.assoc.requestor.ae_title.strip()
        try:
            report = read_report(event.event_information)
        except Permanent:
            log.warning("commitment_report_rejected", calling_ae=calling_ae)
            return INVALID_ARGUMENT, None
        try:
            settled = self._intake.report_commitment(report, self._clock())
        except (Transient, Permanent) as error:
            log.error("commitment_report_failed", calling_ae=calling_ae, error=str(error))
            return PROCESSING_FAILURE, None
        log.info(
            "commitment_reported",
            calling_ae=calling_ae,
            committed=len(report.committed),
            failed=len(report.failed),
            settled=settled,
        )
        return SUCCESS, None
