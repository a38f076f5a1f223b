"""What is on record of a patient's earlier films."""

from datetime import date

import sqlalchemy as sa

from node.domain.decision.prior_studies import PriorResult
from node.domain.workflow.job import Job, JobState
from node.jobs.mapping import prior_from
from node.jobs.tables import delivery, job

_REPORTED = [str(state) for state in (JobState.ANALYSED, JobState.DONE)]


def is_reported() -> sa.ColumnElement[bool]:
    """Return the condition that a job's results are delivered, or on their way.

    What a destination has refused, what is scored anew, and what was scored in shadow is not yet
    known to anybody.
    """
    sent = sa.exists().where(delivery.c.job_id == job.c.id)
    return sa.and_(job.c.state.in_(_REPORTED), sent)


def prior_results(connection: sa.Connection, one: Job, since: date) -> list[PriorResult]:
    """Return what films of the patient came to, newest first: taken since then, before this one.

    Of another study, since the films of one are read together. Of two films of one day, the one
    that was received first is the earlier: neither may take the other for known.
    """
    film = one.film
    if not film.patient or film.taken is None:
        return []
    before = sa.or_(job.c.taken < film.taken, sa.and_(job.c.taken == film.taken, job.c.id < one.id))
    statement = (
        sa.select(job.c.taken, job.c.film, job.c.verdict, is_reported())
        .where(
            job.c.patient == film.patient,
            job.c.taken >= since,
            before,
            job.c.verdict.is_not(None),
            job.c.reason == "",
            job.c.film["study_instance_uid"].as_string() != film.study_instance_uid,
        )
        .order_by(job.c.taken.desc(), job.c.id.desc())
    )
    return [prior_from(*row) for row in connection.execute(statement).tuples()]
