"""Queries for the films of a source, and storage of metrics and references."""

from collections.abc import Generator, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from node.drift.metrics import DailyMetric, DriftReference, Metric, ReceivedFilm, Source
from node.jobs.engine import execute, insert_into, reading, transaction
from node.jobs.tables import drift, drift_reference, job
from node.replay.score_store import is_flagged, station_name

_BATCH = 2_000  # rows
_TEN_MINUTE_PREFIX = len("2026-03-01 10:2")
_PG_MINUTES = "YYYY-MM-DD HH24:MI"
_KEY = ("day", "calling_ae", "station", "measure")


class DriftMetricStore:
    """Reads the films of sources, and stores the metrics of sources."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def films(
        self, since: date, until: date, source: Source | None = None
    ) -> Generator[ReceivedFilm]:
        """Yield the films received from `since` to `until`, both included, in order of receipt.

        Films without a calling AE title, such as recovered orphaned films, are omitted.
        """
        end = until + timedelta(days=1)
        received = [job.c.received_at >= _begin(since), job.c.received_at < _begin(end)]
        from_source = [job.c.calling_ae != ""] if source is None else _from(source)
        statement = (
            sa.select(*_film_columns())
            .where(*received, *from_source)
            .order_by(job.c.received_at, job.c.id)
        )
        with reading(self._engine) as connection:
            rows = connection.execution_options(yield_per=_BATCH).execute(statement)
            for received_at, calling_ae, station, *values in rows:
                yield ReceivedFilm(received_at.date(), Source(calling_ae, station), *values)

    def first_scored(self, source: Source, model: str) -> date | None:
        """Return the day of a source's first film with a score of a bundle, or None without one."""
        scored = job.c.verdict["model", "digest"].as_string() == model
        # The index on this column is fast here, because usually one of the first films matches.
        statement = (
            sa.select(job.c.received_at)
            .where(*_from(source), scored)
            .order_by(job.c.received_at)
            .limit(1)
        )
        with reading(self._engine) as connection:
            first = connection.scalar(statement)
        return None if first is None else first.date()

    def days(self) -> tuple[date | None, date | None]:
        """Return the day of the first film, or None, and the last day with metrics, or None."""
        with reading(self._engine) as connection:
            first = connection.scalar(sa.select(sa.func.min(job.c.received_at)))
            last = connection.scalar(sa.select(sa.func.max(drift.c.day)))
        return (None if first is None else first.date()), last

    def arrivals(self, since: datetime) -> dict[Source, list[datetime]]:
        """Return, for each source, the last time of receipt in each period of ten minutes."""
        groups = (job.c.calling_ae, station_name(), self._ten_minutes())
        statement = (
            sa.select(*groups[:2], sa.func.max(job.c.received_at, type_=job.c.received_at.type))
            .where(job.c.received_at >= since, job.c.calling_ae != "")
            .group_by(*groups)
            .order_by(sa.func.max(job.c.received_at))
        )
        arrivals: dict[Source, list[datetime]] = {}
        with reading(self._engine) as connection:
            for calling_ae, station, at in connection.execute(statement):
                arrivals.setdefault(Source(calling_ae, station), []).append(at)
        return arrivals

    def _ten_minutes(self) -> sa.ColumnElement[str]:
        time_text: sa.ColumnElement[Any] = job.c.received_at
        if self._engine.dialect.name == "postgresql":
            time_text = sa.func.to_char(sa.func.timezone("UTC", time_text), _PG_MINUTES)
        return sa.func.substr(time_text, 1, _TEN_MINUTE_PREFIX, type_=sa.String)

    def replace_day(self, day: date, rows: Sequence[DailyMetric]) -> None:
        """Replace the metrics of a day; a repeated call has the same result."""
        # The rows are sorted, so that two processes lock the rows in the same order.
        new = [_values(row) for row in sorted(rows, key=lambda row: row.source)]
        with transaction(self._engine) as connection:
            connection.execute(sa.delete(drift).where(drift.c.day == day))
            for start in range(0, len(new), _BATCH):
                insert = insert_into(self._engine, drift).values(new[start : start + _BATCH])
                # Another process may have inserted the day since the deletion.
                changed = {name: insert.excluded[name] for name in new[0] if name not in _KEY}
                connection.execute(insert.on_conflict_do_update(index_elements=_KEY, set_=changed))

    def reference(self, source: Source, model: str, basis: str) -> DriftReference | None:
        """Return the reference of a source for a bundle, or None if none is stored."""
        statement = sa.select(drift_reference).filter_by(
            **source._asdict(), model=model, basis=basis
        )
        with reading(self._engine) as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        return DriftReference(
            source, model, row.since, row.until, row.basis, tuple(row.scores), row.measures
        )

    def add_reference(self, reference: DriftReference) -> None:
        """Store a reference, unless a reference for the source, bundle and basis exists."""
        values = asdict(reference)
        del values["source"]
        values |= reference.source._asdict() | {"scores": list(reference.scores)}
        statement = insert_into(self._engine, drift_reference).values(values)
        execute(self._engine, statement.on_conflict_do_nothing())

    def rows(self, since: date, calling_ae: str = "") -> list[DailyMetric]:
        """Return the metrics from a day on, sorted by source and day."""
        conditions = [drift.c.day >= since]
        if calling_ae:
            conditions.append(drift.c.calling_ae == calling_ae)
        order = (drift.c.calling_ae, drift.c.station, drift.c.day, drift.c.id)
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(drift).where(*conditions).order_by(*order))
            return [_daily_metric_from(row) for row in rows]

    def delete_after(self, day: date) -> None:
        """Delete the metrics of later days, which were computed too early by a fast clock."""
        execute(self._engine, sa.delete(drift).where(drift.c.day > day))

    def purge(self, before: date) -> int:
        """Delete metrics of earlier days and unused references; return the number of metrics."""
        has_metrics = sa.exists().where(
            *(drift.c[name] == drift_reference.c[name] for name in ("calling_ae", "station")),
            drift.c.model == drift_reference.c.model,
        )
        with transaction(self._engine) as connection:
            count = connection.execute(sa.delete(drift).where(drift.c.day < before)).rowcount
            connection.execute(
                sa.delete(drift_reference).where(drift_reference.c.until < before, ~has_metrics)
            )
        return count


def _film_columns() -> list[sa.ColumnElement[Any]]:
    """Return the columns of a `ReceivedFilm`, which begin with time, AE title and station."""
    film, verdict = job.c.film, job.c.verdict
    return [
        job.c.received_at,
        job.c.calling_ae,
        station_name(),
        job.c.state,
        job.c.reason,
        film["sex"].as_string(),
        film["age_years"].as_float(),
        sa.func.coalesce(verdict["model", "digest"].as_string(), ""),
        verdict["probability", "image"].as_float(),
        is_flagged(),
    ]


def _from(source: Source) -> list[sa.ColumnElement[bool]]:
    return [job.c.calling_ae == source.calling_ae, station_name() == source.station]


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _values(row: DailyMetric) -> dict[str, Any]:
    return {"day": row.day, "model": row.model, **row.source._asdict(), **asdict(row.metric)}


def _daily_metric_from(row: sa.Row[Any]) -> DailyMetric:
    metric = Metric(row.measure, row.value, row.films, row.reference)
    return DailyMetric(row.day, Source(row.calling_ae, row.station), metric, row.model)
