"""Reading of stored scores: few columns of many rows, in one SELECT."""

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

_BATCH = 2_000  # rows


class ScoreStore:
    """The scores in the job table."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def count_by_model(self, since: datetime | None) -> dict[str, int]:
        """Return the number of scored films by digest of the bundle."""
        digest = job.c.verdict["model", "digest"].as_string()
        statement = sa.select(digest, sa.func.count()).where(*scored(since)).group_by(digest)
        with reading(self._engine) as connection:
            return dict(connection.execute(statement).tuples().all())

    def intended_uses(self) -> set[IntendedUse]:
        """Return the intended uses of the bundles that scored films."""
        use = job.c.verdict["model", "intended_use"].as_string()
        statement = sa.select(use).where(*scored(None)).distinct()
        with reading(self._engine) as connection:
            return set(map(IntendedUse, connection.execute(statement).scalars()))

    def read(self, model: str, since: datetime | None) -> Iterator[StoredScore]:
        """Yield the scores of a bundle, sorted by exposure date."""
        statement = (
            sa.select(*score_columns(day_received(self._engine)))
            .where(*scored(since), job.c.verdict["model", "digest"].as_string() == model)
            .order_by(job.c.taken, job.c.id)
        )
        with reading(self._engine) as connection:
            rows = connection.execution_options(yield_per=_BATCH).execute(statement)
            for part in rows.partitions():
                yield from map(StoredScore._make, part)


def day_received(engine: sa.Engine) -> sa.ColumnElement[str]:
    """Return the day of receipt in UTC as text, such as 2026-03-01."""
    if engine.dialect.name == "postgresql":
        return sa.func.to_char(sa.func.timezone("UTC", job.c.received_at), "YYYY-MM-DD")
    return sa.func.substr(job.c.received_at, 1, len("YYYY-MM-DD"), type_=sa.String)


def scored(since: datetime | None) -> list[sa.ColumnElement[bool]]:
    """Return the SQL conditions for scored films that were received from `since` on."""
    conditions: list[sa.ColumnElement[bool]] = [job.c.verdict.is_not(None), job.c.reason == ""]
    if since is not None:
        conditions.append(job.c.received_at >= since)
    return conditions


def station_name() -> sa.ColumnElement[str]:
    """Return the Station Name of a film, or "" in rows of early releases."""
    return sa.func.coalesce(job.c.film["station"].as_string(), "")


def is_flagged() -> sa.ColumnElement[bool]:
    """Return the SQL condition for a film that was scored and flagged."""
    present = job.c.verdict["decision", "finding"].as_string() == str(Finding.PRESENT)
    already_known = sa.func.coalesce(job.c.verdict["decision", "known"].as_boolean(), sa.false())
    return sa.func.coalesce(sa.and_(present, sa.not_(already_known)), sa.false())


def score_columns(day: sa.ColumnElement[str]) -> list[sa.ColumnElement[Any]]:
    """Return the columns of a `StoredScore`, in the order of its fields."""
    film, verdict = job.c.film, job.c.verdict
    return [
        job.c.id,
        day,
        job.c.taken,
        film["sex"].as_string(),
        film["age_years"].as_float(),
        job.c.calling_ae,
        station_name(),
        job.c.patient,
        film["study_instance_uid"].as_string(),
        verdict["probability", "image"].as_float(),
        verdict["probability", "clinical"].as_float(),
        verdict["probability", "combined"].as_float(),
        verdict["decision", "finding"].as_string(),
        verdict["decision", "threshold"].as_float(),
        is_flagged(),
        is_reported(),
    ]
