"""Bone densitometry in the database: a row for each patient, day and site."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from node.jobs.engine import execute, insert_into, reading, transaction
from node.jobs.tables import outcome
from node.replay.densitometry import Measurement

_BATCH = 1_000  # rows; a statement has a maximum number of parameters


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """Numbers of imported T-scores: new, changed and unchanged."""

    new: int
    changed: int
    unchanged: int


class DensitometryStore:
    """Runs the database statements of the `outcomes` commands."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add(self, measurements: Sequence[Measurement]) -> ImportCounts:
        """Store all measurements or none; replace values of the same patient, day and site."""
        with transaction(self._engine) as connection:
            before, imported = _by_key(_read(connection)), _by_key(measurements)
            new = [row for key, row in imported.items() if key not in before]
            changed = [row for key, row in imported.items() if before.get(key, row) != row]
            self._upsert(connection, [*new, *changed])
        return ImportCounts(len(new), len(changed), len(imported) - len(new) - len(changed))

    def measurements(self) -> list[Measurement]:
        """Return all measurements."""
        with reading(self._engine) as connection:
            return _read(connection)

    def delete_all(self) -> int:
        """Delete all measurements; return their number."""
        return execute(self._engine, sa.delete(outcome))

    def _upsert(self, connection: sa.Connection, rows: Sequence[Measurement]) -> None:
        """Insert rows, or replace rows that another import has inserted in the meantime."""
        key = [outcome.c.patient, outcome.c.taken, outcome.c.site]
        for start in range(0, len(rows), _BATCH):
            values = [
                {"patient": row.patient, "taken": row.day, "site": row.site, "t_score": row.t_score}
                for row in rows[start : start + _BATCH]
            ]
            insert = insert_into(self._engine, outcome).values(values)
            new_value = {"t_score": insert.excluded.t_score}
            connection.execute(insert.on_conflict_do_update(index_elements=key, set_=new_value))


def _read(connection: sa.Connection) -> list[Measurement]:
    statement = sa.select(outcome.c.patient, outcome.c.taken, outcome.c.site, outcome.c.t_score)
    return [Measurement(*row) for row in connection.execute(statement).tuples()]


def _by_key(measurements: Sequence[Measurement]) -> dict[tuple[str, object, str], Measurement]:
    return {
        (measurement.patient, measurement.day, measurement.site): measurement
        for measurement in measurements
    }
