"""Read the scores of two bundles on the same films, for the challenger's report."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from node.challenger.comparison import ScorePair
from node.jobs.engine import reading
from node.jobs.tables import challenger, job
from node.replay.replay import StoredScore
from node.replay.score_store import day_received, score_columns, scored

_ROWS_PER_FETCH = 2_000
_FIELDS = len(StoredScore._fields)


class ScorePairStore:
    """Reads films that the serving bundle has scored, with the challenger's row of each film."""

    def __init__(self, engine: sa.Engine, serving: str, challenger_digest: str) -> None:
        self._engine = engine
        self._serving = serving
        self._challenger = challenger_digest

    def start(self, since: datetime | None) -> datetime | None:
        """Return when the challenger's first film was received, or `since` if later, or None."""
        statement = (
            sa.select(sa.func.min(job.c.received_at))
            .join_from(challenger, job, challenger.c.job_id == job.c.id)
            .where(challenger.c.model == self._challenger)
        )
        with reading(self._engine) as connection:
            first: datetime | None = connection.scalar(statement)
        return max(first, since) if first is not None and since is not None else first

    def stored(self, start: datetime | None) -> Iterator[ScorePair]:
        """Yield each film received since `start` that the serving bundle has scored."""
        if start is None:
            return
        with_challenger = sa.and_(
            challenger.c.job_id == job.c.id, challenger.c.model == self._challenger
        )
        statement = (
            sa.select(*score_columns(day_received(self._engine)), *_columns())
            .join_from(job, challenger, with_challenger, isouter=True)
            .where(*scored(start), job.c.verdict["model", "digest"].as_string() == self._serving)
            .order_by(job.c.id)
        )
        with reading(self._engine) as connection:
            rows = connection.execution_options(yield_per=_ROWS_PER_FETCH).execute(statement)
            for part in rows.partitions():
                for row in part:
                    yield ScorePair(StoredScore._make(row[:_FIELDS]), *row[_FIELDS:])


def _columns() -> list[sa.ColumnElement[Any]]:
    """Return the columns of a `ScorePair` after its stored score, in the order of the fields."""
    verdict = challenger.c.verdict
    return [
        job.c.sop_instance_uid,
        job.c.spool_key != "",
        job.c.verdict["seconds", "predict"].as_float(),
        challenger.c.state,
        verdict["probability", "image"].as_float(),
        verdict["probability", "clinical"].as_float(),
        verdict["probability", "combined"].as_float(),
        verdict["seconds", "predict"].as_float(),
    ]
