"""The results of a patient's earlier films."""

from datetime import date

import sqlalchemy as sa

from node.domain.decision.prior_studies import PriorResult
from node.domain.workflow.job import Job, JobState
from node.jobs.mapping import prior_from
from node.jobs.tables import delivery, job

_REPORTED = [str(state) for state in (JobState.ANALYSED, JobState.DONE)]


def is_reported() -> sa.ColumnElement[bool]:
    """Return the SQL condition that a job's results are delivered, or are being delivered.

    No clinician has results of a job that failed, is reanalysed, or was scored in shadow mode.
    """
    has_delivery = sa.exists().where(delivery.c.job_id == job.c.id)
    return sa.and_(job.c.state.in_(_REPORTED), has_delivery)


def prior_results(connection: sa.Connection, current: Job, since: date) -> list[PriorResult]:
    """Return the results of the patient's earlier films, newest first, back to `since`.

    Films of the same study are excluded, because a radiologist reads them together. Films of the
    same day are ordered by receipt, so that only the later film refers to the earlier film.
    """
    film = current.film
    if not film.patient or film.exposure_date is None:
        return []
    same_day = sa.and_(job.c.taken == film.exposure_date, job.c.id < current.id)
    statement = (
        sa.select(job.c.taken, job.c.film, job.c.verdict, is_reported())
        .where(
            job.c.patient == film.patient,
            job.c.taken >= since,
            (job.c.taken < film.exposure_date) | same_day,
            job.c.verdict.is_not(None),
            job.c.reason == "",
            job.c.film["study_instance_uid"].as_string() != film.study_instance_uid,
        )
        .order_by(job.c.taken.desc(), job.c.id.desc())
    )
    return [prior_from(*row) for row in connection.execute(statement).tuples()]
