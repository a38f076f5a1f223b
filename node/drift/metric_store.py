"""Films as drift sees them, by one SELECT for each look, and the figures that came of it."""

from collections.abc import Generator, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from node.domain.decision.prediction import Finding
from node.drift.metrics import Figure, Measured, Reference, SeenFilm, Source
from node.jobs.engine import reading, transaction
from node.jobs.tables import drift, drift_reference, job

_AT_ONCE = 2_000  # rows fetched in one go
_TO_TEN_MINUTES = len("2026-03-01 10:2")
_PG_MINUTES = "YYYY-MM-DD HH24:MI"
_KEY = ("day", "calling_ae", "station", "measure")


class DriftMetricStore:
    """The job table as a history of sources, and what was measured of them."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def films(self, since: date, until: date, source: Source | None = None) -> Generator[SeenFilm]:
        """Yield the films received from one day to another, both included, in that order.

        Films whose sender is not known, as those that were adopted, are no source's.
        """
        received = [job.c.received_at >= _begin(since), job.c.received_at < _begin(_after(until))]
        whose = [job.c.calling_ae != ""] if source is None else _from(source)
        statement = (
            sa.select(*_columns()).where(*received, *whose).order_by(job.c.received_at, job.c.id)
        )
        with reading(self._engine) as connection:
            rows = connection.execution_options(yield_per=_AT_ONCE).execute(statement)
            for received_at, calling_ae, station, *facts in rows:
                yield SeenFilm(received_at.date(), Source(calling_ae, station), *facts)

    def first_scored(self, source: Source, model: str) -> date | None:
        """Return the day of the first film of a source that a bundle has scored."""
        scored = job.c.verdict["model", "digest"].as_string() == model
        # By the index on that column: most often one of the first films is it.
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
        """Return the day of the first film that is on record, and the last that was measured."""
        with reading(self._engine) as connection:
            first = connection.scalar(sa.select(sa.func.min(job.c.received_at)))
            last = connection.scalar(sa.select(sa.func.max(drift.c.day)))
        return (None if first is None else first.date()), last

    def arrivals(self, since: datetime) -> dict[Source, list[datetime]]:
        """Return when each source sent, in order: one film of each ten minutes, the last of all."""
        parts = (job.c.calling_ae, _station(), self._ten_minutes())
        statement = (
            sa.select(*parts[:2], sa.func.max(job.c.received_at, type_=job.c.received_at.type))
            .where(job.c.received_at >= since, job.c.calling_ae != "")
            .group_by(*parts)
            .order_by(sa.func.max(job.c.received_at))
        )
        found: dict[Source, list[datetime]] = {}
        with reading(self._engine) as connection:
            for calling_ae, station, at in connection.execute(statement):
                found.setdefault(Source(calling_ae, station), []).append(at)
        return found

    def _ten_minutes(self) -> sa.ColumnElement[str]:
        shown: sa.ColumnElement[Any] = job.c.received_at
        if self._engine.dialect.name == "postgresql":
            shown = sa.func.to_char(sa.func.timezone("UTC", shown), _PG_MINUTES)
        return sa.func.substr(shown, 1, _TO_TEN_MINUTES, type_=sa.String)

    def keep(self, day: date, rows: Sequence[Measured]) -> None:
        """Keep a day's figures in place of what was kept of it; twice is as once."""
        # By source, that two maintenances that lock each other's rows do so in one order.
        ours = [_values(row) for row in sorted(rows, key=lambda row: row.source)]
        with transaction(self._engine) as connection:
            connection.execute(sa.delete(drift).where(drift.c.day == day))
            for start in range(0, len(ours), _AT_ONCE):
                insert = self._insert(drift).values(ours[start : start + _AT_ONCE])
                # Another maintenance may have kept the day in this very moment.
                changed = {name: insert.excluded[name] for name in ours[0] if name not in _KEY}
                connection.execute(insert.on_conflict_do_update(index_elements=_KEY, set_=changed))

    def reference(self, source: Source, model: str, basis: str) -> Reference | None:
        """Return the reference that is kept of a source under a bundle."""
        statement = sa.select(drift_reference).where(
            drift_reference.c.calling_ae == source.calling_ae,
            drift_reference.c.station == source.station,
            drift_reference.c.model == model,
            drift_reference.c.basis == basis,
        )
        with reading(self._engine) as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        return Reference(
            source, model, row.since, row.until, row.basis, tuple(row.scores), row.measures
        )

    def keep_reference(self, reference: Reference) -> None:
        """Keep a reference for good; the first one stays."""
        values = asdict(reference)
        del values["source"]
        values |= reference.source._asdict() | {"scores": list(reference.scores)}
        with transaction(self._engine) as connection:
            connection.execute(
                self._insert(drift_reference).values(values).on_conflict_do_nothing()
            )

    def rows(self, since: date, calling_ae: str = "") -> list[Measured]:
        """Return the figures of all days from one on, by source and day."""
        where = [drift.c.day >= since]
        if calling_ae:
            where.append(drift.c.calling_ae == calling_ae)
        order = (drift.c.calling_ae, drift.c.station, drift.c.day, drift.c.id)
        with reading(self._engine) as connection:
            found = connection.execute(sa.select(drift).where(*where).order_by(*order))
            return [_row_from(row) for row in found]

    def forget_after(self, day: date) -> None:
        """Delete figures of days after one: a clock that ran ahead has measured them too early."""
        with transaction(self._engine) as connection:
            connection.execute(sa.delete(drift).where(drift.c.day > day))

    def purge(self, before: date) -> int:
        """Delete figures of days before one, and references that none of those left is of."""
        used = sa.exists().where(
            *(drift.c[name] == drift_reference.c[name] for name in ("calling_ae", "station")),
            drift.c.model == drift_reference.c.model,
        )
        with transaction(self._engine) as connection:
            gone = connection.execute(sa.delete(drift).where(drift.c.day < before)).rowcount
            connection.execute(
                sa.delete(drift_reference).where(drift_reference.c.until < before, ~used)
            )
        return gone

    def _insert(self, table: sa.Table) -> Any:
        postgres = self._engine.dialect.name == "postgresql"
        return postgresql.insert(table) if postgres else sqlite.insert(table)


def _columns() -> list[sa.ColumnElement[Any]]:
    """Return what a `SeenFilm` is made of, the day and the source taken apart."""
    film, verdict = job.c.film, job.c.verdict
    present = verdict["decision", "finding"].as_string() == str(Finding.PRESENT)
    known = sa.func.coalesce(verdict["decision", "known"].as_boolean(), sa.false())
    return [
        job.c.received_at,
        job.c.calling_ae,
        _station(),
        job.c.state,
        job.c.reason,
        film["sex"].as_string(),
        film["age_years"].as_float(),
        sa.func.coalesce(verdict["model", "digest"].as_string(), ""),
        verdict["probability", "image"].as_float(),
        sa.func.coalesce(sa.and_(present, sa.not_(known)), sa.false()),
    ]


def _station() -> sa.ColumnElement[str]:
    return sa.func.coalesce(job.c.film["station"].as_string(), "")


def _from(source: Source) -> list[sa.ColumnElement[bool]]:
    return [job.c.calling_ae == source.calling_ae, _station() == source.station]


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _after(day: date) -> date:
    return day + timedelta(days=1)


def _values(row: Measured) -> dict[str, Any]:
    return {"day": row.day, "model": row.model, **row.source._asdict(), **asdict(row.figure)}


def _row_from(row: sa.Row[Any]) -> Measured:
    figure = Figure(row.measure, row.value, row.films, row.reference)
    return Measured(row.day, Source(row.calling_ae, row.station), figure, row.model)
