"""What two bundles have said of the same films, as the challenger's report wants it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from node.challenger.comparison import StoredPair
from node.jobs.engine import reading
from node.jobs.tables import challenger, job
from node.replay.replay import StoredScore
from node.replay.score_store import day_received, score_columns, scored

_AT_ONCE = 2_000  # rows fetched in one go
_FIELDS = len(StoredScore._fields)


class ScorePairStore:
    """The films that the bundle of one digest has scored, beside what another's challenger has."""

    def __init__(self, engine: sa.Engine, serving: str, second: str) -> None:
        self._engine = engine
        self._serving = serving
        self._second = second

    def start(self, since: datetime | None) -> datetime | None:
        """Return the time from which films can be compared, not before `since`.

        None if the challenger has no row.
        """
        statement = (
            sa.select(sa.func.min(job.c.received_at))
            .join_from(challenger, job, challenger.c.job_id == job.c.id)
            .where(challenger.c.model == self._second)
        )
        with reading(self._engine) as connection:
            first: datetime | None = connection.scalar(statement)
        return max(first, since) if first is not None and since is not None else first

    def stored(self, start: datetime | None) -> Iterator[StoredPair]:
        """Yield every film that the serving bundle has scored since `start`; none of None."""
        if start is None:
            return
        with_challenger = sa.and_(
            challenger.c.job_id == job.c.id, challenger.c.model == self._second
        )
        statement = (
            sa.select(*score_columns(day_received(self._engine)), *_columns())
            .join_from(job, challenger, with_challenger, isouter=True)
            .where(*scored(start), job.c.verdict["model", "digest"].as_string() == self._serving)
            .order_by(job.c.id)
        )
        with reading(self._engine) as connection:
            rows = connection.execution_options(yield_per=_AT_ONCE).execute(statement)
            for part in rows.partitions():
                for row in part:
                    yield StoredPair(StoredScore._make(row[:_FIELDS]), *row[_FIELDS:])


def _columns() -> list[sa.ColumnElement[Any]]:
    """Return what a `StoredPair` has beside the stored score, field by field."""
    said = challenger.c.verdict
    return [
        job.c.sop_instance_uid,
        job.c.spool_key != "",
        job.c.verdict["seconds", "predict"].as_float(),
        challenger.c.state,
        said["probability", "image"].as_float(),
        said["probability", "clinical"].as_float(),
        said["probability", "combined"].as_float(),
        said["seconds", "predict"].as_float(),
    ]
