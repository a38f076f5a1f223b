"""The challenger's queue: analysed films of the job table, and a row for each claimed film.

The challenger writes only to its own table. A challenger without work only reads the database, and
therefore does not delay writers.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, assert_never

import sqlalchemy as sa

from node.challenger.states import (
    ChallengerFilm,
    ChallengerOutcome,
    ChallengerScored,
    ChallengerState,
    FilmGone,
    is_chosen,
)
from node.domain.admission.reasons import AdmissionNote
from node.domain.workflow.job import JobState, NotScored
from node.domain.workflow.retry import Failed, RetryAt, RetryPolicy
from node.jobs import leases
from node.jobs.engine import execute, insert_into, reading, transaction
from node.jobs.mapping import film_of, notes_from, short, verdict_json
from node.jobs.tables import challenger, job

_SCORING = str(ChallengerState.SCORING)
_SCORED_JOBS = [str(state) for state in (JobState.ANALYSED, JobState.DONE)]
_EXPIRED = "the worker ended: its lease expired"
_ROWS_PER_FETCH = 500


class ChallengerQueue:
    """The queue of the bundle with digest `model`, which scores a share of the films."""

    def __init__(
        self, engine: sa.Engine, model: str, share: float, retry: RetryPolicy, lease: timedelta
    ) -> None:
        self._engine = engine
        self._model = model
        self._share = share
        self._attempts = retry.attempts
        self._longest_wait = timedelta(seconds=retry.cap) + lease

    def claim(
        self, worker: str, now: datetime, until: datetime, limit: int
    ) -> list[ChallengerFilm]:
        """Lease up to `limit` analysed films that are still in the spool, oldest first.

        While the scoring worker has films to analyse, no film is returned. A film that was tried
        before is claimed alone, because it may have crashed its worker.
        """
        with reading(self._engine) as connection:
            if connection.scalar(_has_waiting_films(now)):
                return []
            due: int | None = connection.scalar(self._oldest_due(now))
            new = [] if due is not None else self._new_jobs(connection, limit)
        if due is None and not new:
            return []
        with transaction(self._engine) as connection:
            if due is None:
                ids = self._insert_rows(connection, new, worker, now, until)
            else:
                self._fail_exhausted(connection, now)
                ids = self._claim_again(connection, due, worker, now, until)
            return _films(connection, ids)

    def renew(self, films: Sequence[ChallengerFilm], until: datetime) -> int:
        """Extend the leases that the worker still holds; return the number of extended leases."""
        return leases.renew(self._engine, challenger.c.due_at, films, _SCORING, until)

    def settle(self, film: ChallengerFilm, outcome: ChallengerOutcome, now: datetime) -> bool:
        """Record a film's outcome; if the lease was lost, change nothing and return False."""
        held = leases.is_held(challenger, film, _SCORING)
        statement = sa.update(challenger).where(held).values(updated_at=now, **_effect(outcome))
        return bool(execute(self._engine, statement))

    def counts(self) -> dict[ChallengerState, int]:
        """Return the number of films of this bundle in each state."""
        statement = (
            sa.select(challenger.c.state, sa.func.count())
            .where(challenger.c.model == self._model)
            .group_by(challenger.c.state)
        )
        with reading(self._engine) as connection:
            counts = {
                ChallengerState(state): count for state, count in connection.execute(statement)
            }
        return {state: counts.get(state, 0) for state in ChallengerState}

    def _oldest_due(self, now: datetime) -> sa.Select[Any]:
        """Among films that were tried before, select the film that became due first."""
        statement = sa.select(challenger.c.id).where(*self._is_due(now))
        return statement.order_by(challenger.c.due_at, challenger.c.id).limit(1)

    def _is_due(self, now: datetime) -> list[sa.ColumnElement[bool]]:
        """Return the conditions for a film that is due, or that a fast clock scheduled too late."""
        due = challenger.c.due_at
        return [
            challenger.c.model == self._model,
            challenger.c.state == _SCORING,
            (due <= now) | (due > now + self._longest_wait),
        ]

    def _new_jobs(self, connection: sa.Connection, limit: int) -> list[int]:
        """Return the oldest jobs whose films belong to the share and have no challenger row yet."""
        has_row = sa.exists().where(
            challenger.c.job_id == job.c.id, challenger.c.model == self._model
        )
        # Rows are kept for a year and films for a week, so the index on spool keys is the best one.
        # The expression `state + ""` keeps SQLite from using the index on states.
        statement = (
            sa.select(job.c.id, job.c.sop_instance_uid)
            .where(job.c.spool_key > "", *_scored(job.c.state + ""), ~has_row)
            .order_by(job.c.received_at, job.c.id)
        )
        job_ids: list[int] = []
        rows = connection.execution_options(yield_per=_ROWS_PER_FETCH).execute(statement)
        for job_id, uid in rows.tuples():
            if is_chosen(uid, self._share):
                job_ids.append(job_id)
                if len(job_ids) == limit:
                    break
        rows.close()
        return job_ids

    def _insert_rows(
        self,
        connection: sa.Connection,
        jobs: Sequence[int],
        worker: str,
        now: datetime,
        until: datetime,
    ) -> list[int]:
        """Insert a row for each job, unless another worker has inserted it; return the new ids."""
        row = {
            challenger.c.model: self._model,
            challenger.c.state: _SCORING,
            challenger.c.attempt: 1,
            challenger.c.worker: worker,
            challenger.c.due_at: until,
            challenger.c.reason: "",
            challenger.c.error: "",
            challenger.c.updated_at: now,
        }
        values = [sa.literal(value, column.type) for column, value in row.items()]
        # A job may have been purged or reanalysed since it was selected, so check it again.
        unchanged = sa.select(job.c.id, *values).where(job.c.id.in_(jobs), *_scored(job.c.state))
        insert = insert_into(self._engine, challenger).from_select(
            [challenger.c.job_id, *row], unchanged
        )
        key = [challenger.c.job_id, challenger.c.model]
        statement = insert.on_conflict_do_nothing(index_elements=key).returning(challenger.c.id)
        return list(connection.scalars(statement))

    def _claim_again(
        self, connection: sa.Connection, row_id: int, worker: str, now: datetime, until: datetime
    ) -> list[int]:
        statement = (
            sa.update(challenger)
            .where(challenger.c.id == row_id, *self._is_due(now))
            .values(worker=worker, due_at=until, attempt=challenger.c.attempt + 1, updated_at=now)
            .returning(challenger.c.id)
        )
        return list(connection.scalars(statement))

    def _fail_exhausted(self, connection: sa.Connection, now: datetime) -> None:
        """Fail due films without attempts left, because each attempt has crashed its worker."""
        exhausted = [*self._is_due(now), challenger.c.attempt >= self._attempts]
        connection.execute(
            sa.update(challenger)
            .where(*exhausted)
            .values(state=str(ChallengerState.FAILED), due_at=None, error=_EXPIRED, updated_at=now)
        )


def _has_waiting_films(now: datetime) -> sa.Select[Any]:
    waiting = sa.exists().where(job.c.state == str(JobState.RECEIVED), job.c.run_after <= now)
    return sa.select(waiting)


def _scored(state: sa.ColumnElement[str]) -> list[sa.ColumnElement[bool]]:
    # A verdict with a reason has no score; its report states why the film was not scored.
    return [state.in_(_SCORED_JOBS), job.c.verdict.is_not(None), job.c.reason == ""]


def _films(connection: sa.Connection, ids: Sequence[int]) -> list[ChallengerFilm]:
    statement = (
        sa.select(
            challenger.c.id.label("row"),
            challenger.c.attempt.label("attempts"),
            challenger.c.worker.label("claimed_by"),
            job,
        )
        .join_from(challenger, job, challenger.c.job_id == job.c.id)
        .where(challenger.c.id.in_(ids))
        .order_by(job.c.id)
    )
    return [
        ChallengerFilm(
            id=row.row,
            job_id=row.id,
            film=film_of(row),
            spool_key=row.spool_key,
            attempt=row.attempts,
            worker=row.claimed_by,
            inverted=AdmissionNote.INVERTED in notes_from(row.verdict or {}),
        )
        for row in connection.execute(statement)
    ]


def _effect(outcome: ChallengerOutcome) -> dict[str, Any]:
    """Return the columns that an outcome changes."""
    match outcome:
        case ChallengerScored(verdict=verdict):
            return _final(ChallengerState.SCORED) | {"verdict": verdict_json(verdict), "error": ""}
        case NotScored(reason=reason, text=text):
            return _final(ChallengerState.REJECTED) | {"reason": reason, "error": short(text)}
        case RetryAt(at=at, error=error):
            return {"due_at": at, "error": short(error), "worker": ""}
        case Failed(error=error):
            return _final(ChallengerState.FAILED) | {"error": short(error)}
        case FilmGone():
            return _final(ChallengerState.GONE)
    assert_never(outcome)


def _final(state: ChallengerState) -> dict[str, Any]:
    return {"state": str(state), "due_at": None}
