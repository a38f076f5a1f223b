"""The job table as ingest sees it: new films, and what PACS say of commitments."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from node.domain.admission.header_rules import Admission, Admitted, Refused
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import CommitmentReport
from node.domain.workflow.job import JobState
from node.domain.workflow.retry import RetryPolicy
from node.jobs.commitments import settle_report
from node.jobs.engine import transaction
from node.jobs.mapping import admission_json, film_json, short
from node.jobs.tables import job
from node.jobs.transitions import Change, record_new

_Insert = sqlite.Insert | postgresql.Insert


class IntakeStore:
    """Implements `node.ports.Intake`."""

    def __init__(self, engine: sa.Engine, retry: RetryPolicy) -> None:
        self._engine = engine
        self._retry = retry

    def receive(
        self, film: Film, admission: Admission, spool_key: str, now: datetime, who: str = ""
    ) -> bool:
        """Insert a film's job, durable on return; False if the very film is known already.

        `who` brought it goes on record; the calling AE, if nobody is named.
        """
        match admission:
            case Admitted(doubts=doubts, notes=notes):
                state, reason, error = JobState.RECEIVED, "", ""
                why = "; ".join([*notes, *(doubt.text for doubt in doubts)])
            case Refused(text=why, reported=True):
                state, reason, error = JobState.RECEIVED, "", ""
            case Refused(reason=reason, text=why):
                state, error = JobState.REJECTED, why
        row = _row(film, spool_key, now) | {
            "state": str(state),
            "reason": str(reason),
            "error": short(error),
            "admission": admission_json(admission),
            **_contending(film, admission, now),
        }
        statement = (
            self._insert()
            .values(row)
            .on_conflict_do_nothing(index_elements=[job.c.sop_instance_uid, job.c.digest])
            .returning(job.c.id)
        )
        with transaction(self._engine) as connection:
            job_id = connection.scalar(statement)
            if job_id is not None:
                note = Change(now, who or film.calling_ae, why)
                record_new(connection, job_id, "receive", str(state), note)
        return job_id is not None

    def _insert(self) -> _Insert:
        postgres = self._engine.dialect.name == "postgresql"
        return postgresql.insert(job) if postgres else sqlite.insert(job)

    def report_commitment(self, report: CommitmentReport, now: datetime) -> int:
        """Settle the deliveries that a commitment report names; return how many there were."""
        with transaction(self._engine) as connection:
            return settle_report(connection, report, now, self._retry)


def _contending(film: Film, admission: Admission, now: datetime) -> dict[str, Any]:
    """Return the columns by which a film contends with others of its study, if it has to."""
    if not isinstance(admission, Admitted) or admission.contest is None:
        return {}
    contest = admission.contest
    return {
        "study": film.study_instance_uid,
        "standing": contest.rank,
        "run_after": now + timedelta(seconds=contest.wait),
    }


def _row(film: Film, spool_key: str, now: datetime) -> dict[str, Any]:
    return {
        "sop_instance_uid": film.sop_instance_uid,
        "digest": film.digest,
        "calling_ae": film.calling_ae,
        "film": film_json(film),
        "patient": film.patient,
        "taken": film.taken,
        "spool_key": spool_key,
        "attempt": 0,
        "worker": "",
        "run_after": now,
        "received_at": now,
        "updated_at": now,
    }
