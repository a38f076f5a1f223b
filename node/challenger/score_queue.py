"""The job table for the challenger: analysed films, and one row for each that it scores.

The challenger writes to its own table and never to a job. Polling only reads. A challenger that
finds no work therefore delays no other writer.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, assert_never

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

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
from node.jobs.engine import reading, transaction
from node.jobs.mapping import film_of, notes_from, short, verdict_json
from node.jobs.tables import challenger, job

_SCORED_JOBS = [str(state) for state in (JobState.ANALYSED, JobState.DONE)]
_LOST = "the worker that held it is gone: its lease ran out"
_AT_ONCE = 500  # rows fetched in one go


class ChallengerQueue:
    """Implements `node.ports.ChallengerQueue` for the bundle of one digest.

    `share` is that of the films it takes.
    """

    def __init__(
        self, engine: sa.Engine, model: str, share: float, retry: RetryPolicy, lease: timedelta
    ) -> None:
        self._engine = engine
        self._model = model
        self._share = share
        self._attempts = retry.attempts
        self._longest = timedelta(seconds=retry.cap) + lease

    def claim(
        self, worker: str, now: datetime, until: datetime, limit: int
    ) -> list[ChallengerFilm]:
        """Lease up to `limit` scored films that are still in the spool, oldest first.

        None while a film waits to be scored for its results. One that was tried before comes
        alone: if it is what ended its worker, it ends no other's try.
        """
        with reading(self._engine) as connection:
            if connection.scalar(_films_wait(now)):
                return []
            again: int | None = connection.scalar(self._due(now))
            new = [] if again is not None else self._new(connection, limit)
        if again is None and not new:
            return []
        with transaction(self._engine) as connection:
            if again is None:
                ids = self._take(connection, new, worker, now, until)
            else:
                self._give_up(connection, now)
                ids = self._take_again(connection, again, worker, now, until)
            return _films(connection, ids)

    def renew(self, films: Sequence[ChallengerFilm], until: datetime) -> int:
        """Extend the leases still held; return how many."""
        held = sa.or_(*(_held(film) for film in films))
        with transaction(self._engine) as connection:
            return connection.execute(
                sa.update(challenger).where(held).values(due_at=until)
            ).rowcount

    def settle(self, film: ChallengerFilm, outcome: ChallengerOutcome, now: datetime) -> bool:
        """Record an outcome; False where the lease was lost and nothing was changed."""
        statement = (
            sa.update(challenger).where(_held(film)).values(updated_at=now, **_effect(outcome))
        )
        with transaction(self._engine) as connection:
            return bool(connection.execute(statement).rowcount)

    def counts(self) -> dict[ChallengerState, int]:
        """Return how many films stand in each state with this bundle."""
        statement = (
            sa.select(challenger.c.state, sa.func.count())
            .where(challenger.c.model == self._model)
            .group_by(challenger.c.state)
        )
        with reading(self._engine) as connection:
            found = {
                ChallengerState(state): count for state, count in connection.execute(statement)
            }
        return {state: found.get(state, 0) for state in ChallengerState}

    def _due(self, now: datetime) -> sa.Select[Any]:
        """Select the film whose turn has come longest ago, of those that were tried before."""
        statement = sa.select(challenger.c.id).where(*self._is_due(now))
        return statement.order_by(challenger.c.due_at, challenger.c.id).limit(1)

    def _is_due(self, now: datetime) -> list[sa.ColumnElement[bool]]:
        """Return what holds of a film that anybody may take, also where a clock ran ahead when
        its time was set: no wait is as long as that.
        """
        due = challenger.c.due_at
        return [
            challenger.c.model == self._model,
            challenger.c.state == str(ChallengerState.SCORING),
            (due <= now) | (due > now + self._longest),
        ]

    def _new(self, connection: sa.Connection, limit: int) -> list[int]:
        """Return the oldest jobs whose films are of the share and have no row yet."""
        seen = sa.exists().where(challenger.c.job_id == job.c.id, challenger.c.model == self._model)
        # Rows are kept for a year and bytes for a week: the index on keys finds these few. SQLite
        # would take the one on states, or walk through all jobs by their ids: neither of the
        # expression nor of the time is there an index.
        statement = (
            sa.select(job.c.id, job.c.sop_instance_uid)
            .where(job.c.spool_key > "", *_scored(job.c.state + ""), ~seen)
            .order_by(job.c.received_at, job.c.id)
        )
        found: list[int] = []
        rows = connection.execution_options(yield_per=_AT_ONCE).execute(statement)
        for job_id, uid in rows.tuples():
            if is_chosen(uid, self._share):
                found.append(job_id)
                if len(found) == limit:
                    break
        rows.close()
        return found

    def _take(
        self,
        connection: sa.Connection,
        jobs: Sequence[int],
        worker: str,
        now: datetime,
        until: datetime,
    ) -> list[int]:
        """Insert a row for each job; return those that no other worker has inserted before."""
        row = {
            challenger.c.model: self._model,
            challenger.c.state: str(ChallengerState.SCORING),
            challenger.c.attempt: 1,
            challenger.c.worker: worker,
            challenger.c.due_at: until,
            challenger.c.reason: "",
            challenger.c.error: "",
            challenger.c.updated_at: now,
        }
        values = [sa.literal(value, column.type) for column, value in row.items()]
        # From the jobs as they are now: one may have been purged, or scored anew, since the look.
        still = sa.select(job.c.id, *values).where(job.c.id.in_(jobs), *_scored(job.c.state))
        insert = self._insert().from_select([challenger.c.job_id, *row], still)
        key = [challenger.c.job_id, challenger.c.model]
        statement = insert.on_conflict_do_nothing(index_elements=key).returning(challenger.c.id)
        return list(connection.scalars(statement))

    def _take_again(
        self, connection: sa.Connection, again: int, worker: str, now: datetime, until: datetime
    ) -> list[int]:
        statement = (
            sa.update(challenger)
            .where(challenger.c.id == again, *self._is_due(now))
            .values(worker=worker, due_at=until, attempt=challenger.c.attempt + 1, updated_at=now)
            .returning(challenger.c.id)
        )
        return list(connection.scalars(statement))

    def _give_up(self, connection: sa.Connection, now: datetime) -> None:
        """Fail what has ended its worker too often."""
        spent = [*self._is_due(now), challenger.c.attempt >= self._attempts]
        connection.execute(
            sa.update(challenger)
            .where(*spent)
            .values(state=str(ChallengerState.FAILED), due_at=None, error=_LOST, updated_at=now)
        )

    def _insert(self) -> sqlite.Insert | postgresql.Insert:
        postgres = self._engine.dialect.name == "postgresql"
        return postgresql.insert(challenger) if postgres else sqlite.insert(challenger)


def _films_wait(now: datetime) -> sa.Select[Any]:
    waits = sa.exists().where(job.c.state == str(JobState.RECEIVED), job.c.run_after <= now)
    return sa.select(waits)


def _scored(state: sa.ColumnElement[str]) -> list[sa.ColumnElement[bool]]:
    # A verdict with a reason has no score: a report says why not.
    return [state.in_(_SCORED_JOBS), job.c.verdict.is_not(None), job.c.reason == ""]


def _films(connection: sa.Connection, ids: Sequence[int]) -> list[ChallengerFilm]:
    statement = (
        sa.select(
            challenger.c.id.label("row"),
            challenger.c.attempt.label("tried"),
            challenger.c.worker.label("by"),
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
            attempt=row.tried,
            worker=row.by,
            inverted=AdmissionNote.INVERTED in notes_from(row.verdict or {}),
        )
        for row in connection.execute(statement)
    ]


def _held(film: ChallengerFilm) -> sa.ColumnElement[bool]:
    return sa.and_(
        challenger.c.id == film.id,
        challenger.c.worker == film.worker,
        challenger.c.attempt == film.attempt,
        challenger.c.state == str(ChallengerState.SCORING),
    )


def _effect(outcome: ChallengerOutcome) -> dict[str, Any]:
    """Return the columns that an outcome writes."""
    match outcome:
        case ChallengerScored(verdict=verdict):
            return _end(ChallengerState.SCORED) | {"verdict": verdict_json(verdict), "error": ""}
        case NotScored(reason=reason, text=text):
            return _end(ChallengerState.REJECTED) | {"reason": reason, "error": short(text)}
        case RetryAt(at=at, error=error):
            return {"due_at": at, "error": short(error), "worker": ""}
        case Failed(error=error):
            return _end(ChallengerState.FAILED) | {"error": short(error)}
        case FilmGone():
            return _end(ChallengerState.GONE)
    assert_never(outcome)


def _end(state: ChallengerState) -> dict[str, Any]:
    return {"state": str(state), "due_at": None}
