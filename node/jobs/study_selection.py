"""Selection of one film per study in the job table."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from node.domain.workflow.job import JobState
from node.jobs.tables import job

_rival = job.alias("rival")
_IS_RIVAL = (
    _rival.c.study == job.c.study,
    _rival.c.id != job.c.id,
    # Other bytes under the same UID are a corrected copy of the same film, not a rival.
    _rival.c.sop_instance_uid != job.c.sop_instance_uid,
)


def next_of_study() -> sa.ColumnElement[bool]:
    """Return the SQL condition for a waiting job that ranks before all rivals of its study.

    While a film of a study is analysed, the condition is false for the study's other films, so that
    two workers cannot score two films of one study.
    """
    preceded = sa.exists().where(
        *_IS_RIVAL,
        (_rival.c.state == str(JobState.ANALYSING))
        | ((_rival.c.state == str(JobState.RECEIVED)) & (_rival.c.standing < job.c.standing)),
    )
    return (job.c.study == "") | ~preceded


def chosen_films(connection: sa.Connection, job_ids: Sequence[int]) -> Mapping[int, str]:
    """Return, by job, the SOP Instance UID of the rival film that was scored, if there is one."""
    scored = [str(JobState.ANALYSED), str(JobState.DONE), str(JobState.FAILED)]
    statement = sa.select(job.c.id, _rival.c.sop_instance_uid).where(
        job.c.id.in_(job_ids),
        job.c.study != "",
        *_IS_RIVAL,
        _rival.c.state.in_(scored),
        _rival.c.verdict.is_not(None),
        _rival.c.reason == "",
    )
    return dict(connection.execute(statement).tuples().all())
