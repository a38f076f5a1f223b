"""The stored scores, as a replay wants them: few columns of many rows, by one SELECT."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from models.bundle.intended_use import IntendedUse
from node.domain.decision.prediction import Finding
from node.jobs.engine import reading
from node.jobs.prior_studies import is_reported
from node.jobs.tables import job
from node.replay.replay import StoredScore

_AT_ONCE = 2_000  # rows fetched in one go


class ScoreStore:
    """The verdicts of one bundle in the job table."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def count(self, since: datetime | None) -> dict[str, int]:
        """Return how many films each bundle has scored, by its digest."""
        digest = job.c.verdict["model", "digest"].as_string()
        statement = sa.select(digest, sa.func.count()).where(*scored(since)).group_by(digest)
        with reading(self._engine) as connection:
            return dict(connection.execute(statement).tuples().all())

    def uses(self) -> set[IntendedUse]:
        """Return what the bundles that have scored films are meant for."""
        use = job.c.verdict["model", "intended_use"].as_string()
        statement = sa.select(use).where(*scored(None)).distinct()
        with reading(self._engine) as connection:
            return set(map(IntendedUse, connection.execute(statement).scalars()))

    def stored(self, model: str, since: datetime | None) -> Iterator[StoredScore]:
        """Yield the scores of a bundle, in the order in which the films were taken.

        Their JSON is taken apart by the database, which is faster at it, and the rows are not
        turned into jobs.
        """
        statement = (
            sa.select(*score_columns(day_received(self._engine)))
            .where(*scored(since), job.c.verdict["model", "digest"].as_string() == model)
            .order_by(job.c.taken, job.c.id)
        )
        with reading(self._engine) as connection:
            rows = connection.execution_options(yield_per=_AT_ONCE).execute(statement)
            for part in rows.partitions():
                yield from map(StoredScore._make, part)


def day_received(engine: sa.Engine) -> sa.ColumnElement[str]:
    """Return the day in UTC on which a film was received, as the database writes it."""
    if engine.dialect.name == "postgresql":
        return sa.func.to_char(sa.func.timezone("UTC", job.c.received_at), "YYYY-MM-DD")
    return sa.func.substr(job.c.received_at, 1, len("YYYY-MM-DD"), type_=sa.String)


def scored(since: datetime | None) -> list[sa.ColumnElement[bool]]:
    """Return what holds of films that have been scored, and were received since then.

    A verdict with a reason has no score: a report says why not.
    """
    where: list[sa.ColumnElement[bool]] = [job.c.verdict.is_not(None), job.c.reason == ""]
    if since is not None:
        where.append(job.c.received_at >= since)
    return where


def score_columns(day: sa.ColumnElement[str]) -> list[sa.ColumnElement[Any]]:
    """Return what a `StoredScore` is made of, field by field.

    By whole paths: an index on an index would write the inner part as JSON and read it again.
    """
    film, verdict = job.c.film, job.c.verdict
    present = verdict["decision", "finding"].as_string() == str(Finding.PRESENT)
    known = verdict["decision", "known"].as_boolean()
    return [
        job.c.id,
        day,
        job.c.taken,
        film["sex"].as_string(),
        film["age_years"].as_float(),
        job.c.calling_ae,
        sa.func.coalesce(film["station"].as_string(), ""),  # absent from rows of earlier versions
        job.c.patient,
        film["study_instance_uid"].as_string(),
        verdict["probability", "image"].as_float(),
        verdict["probability", "clinical"].as_float(),
        verdict["probability", "combined"].as_float(),
        verdict["decision", "finding"].as_string(),
        verdict["decision", "threshold"].as_float(),
        sa.and_(present, sa.not_(sa.func.coalesce(known, sa.false()))),
        is_reported(),
    ]
