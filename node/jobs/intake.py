"""The job table for ingest: new films and commitment reports."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from node.domain.admission.header_rules import Admission, Admitted, Refused
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import CommitmentReport
from node.domain.workflow.job import JobState
from node.domain.workflow.retry import RetryPolicy
from node.jobs.commitments import settle_report
from node.jobs.engine import insert_into, transaction
from node.jobs.mapping import admission_json, film_json, short
from node.jobs.tables import job
from node.jobs.transitions import Transition, record_receipt


@dataclass
class IntakeStore:
    """Inserts a job for each new film, and settles deliveries after commitment reports."""

    engine: sa.Engine
    retry: RetryPolicy

    def receive(
        self, film: Film, admission: Admission, spool_key: str, now: datetime, actor: str = ""
    ) -> bool:
        """Insert a film's job durably; return False if the film already has a job.

        The history records `actor`, or the calling AE title if `actor` is empty.
        """
        match admission:
            case Admitted(open_questions=questions, notes=notes):
                state, reason, error = JobState.RECEIVED, "", ""
                comment = "; ".join([*notes, *(question.text for question in questions)])
            case Refused(text=comment, reported=True):
                # The analyse role builds the report that states the refusal.
                state, reason, error = JobState.RECEIVED, "", ""
            case Refused(reason=reason, text=comment):
                state, error = JobState.REJECTED, comment
        row = _row(film, spool_key, now) | {
            "state": str(state),
            "reason": str(reason),
            "error": short(error),
            "admission": admission_json(admission),
            **_study_columns(film, admission, now),
        }
        statement = (
            insert_into(self.engine, job)
            .values(row)
            .on_conflict_do_nothing(index_elements=[job.c.sop_instance_uid, job.c.digest])
            .returning(job.c.id)
        )
        with transaction(self.engine) as connection:
            job_id = connection.scalar(statement)
            if job_id is not None:
                receipt = Transition(now, actor or film.calling_ae, comment)
                record_receipt(connection, job_id, str(state), receipt)
        return job_id is not None

    def report_commitment(self, report: CommitmentReport, now: datetime) -> int:
        """Settle the deliveries of a commitment report; return their number."""
        with transaction(self.engine) as connection:
            return settle_report(connection, report, now, self.retry)


def _study_columns(film: Film, admission: Admission, now: datetime) -> dict[str, Any]:
    """Return the columns for the selection of one film per study, or {} without a selection."""
    if not isinstance(admission, Admitted) or admission.candidate is None:
        return {}
    candidate = admission.candidate
    return {
        "study": film.study_instance_uid,
        "standing": candidate.rank,
        "run_after": now + timedelta(seconds=candidate.wait),
    }


def _row(film: Film, spool_key: str, now: datetime) -> dict[str, Any]:
    return {
        "sop_instance_uid": film.sop_instance_uid,
        "digest": film.digest,
        "calling_ae": film.calling_ae,
        "film": film_json(film),
        "patient": film.patient,
        "taken": film.exposure_date,
        "spool_key": spool_key,
        "attempt": 0,
        "worker": "",
        "run_after": now,
        "received_at": now,
        "updated_at": now,
    }
