"""Films of one study in the job table: which comes next, and which was scored."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from node.domain.workflow.job import JobState
from node.jobs.tables import job

_other = job.alias("other")
_RIVALS = (
    _other.c.study == job.c.study,
    _other.c.id != job.c.id,
    # Other bytes under the same UID are the same film, corrected: no rival, but its successor.
    _other.c.sop_instance_uid != job.c.sop_instance_uid,
)


def next_of_study() -> sa.ColumnElement[bool]:
    """Return the condition that a waiting job contends with nobody, or comes before all of them.

    While one of a study is worked on, none of the others is: two workers would score two of them.
    """
    ahead = sa.exists().where(
        *_RIVALS,
        (_other.c.state == str(JobState.ANALYSING))
        | ((_other.c.state == str(JobState.RECEIVED)) & (_other.c.standing < job.c.standing)),
    )
    return (job.c.study == "") | ~ahead


def chosen_films(connection: sa.Connection, job_ids: Sequence[int]) -> Mapping[int, str]:
    """Return of each job whose study has been scored by another film, that film's UID."""
    scored = [str(JobState.ANALYSED), str(JobState.DONE), str(JobState.FAILED)]
    statement = sa.select(job.c.id, _other.c.sop_instance_uid).where(
        job.c.id.in_(job_ids),
        job.c.study != "",
        *_RIVALS,
        _other.c.state.in_(scored),
        _other.c.verdict.is_not(None),
        _other.c.reason == "",
    )
    return dict(connection.execute(statement).tuples().all())
