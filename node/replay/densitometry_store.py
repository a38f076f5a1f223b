"""Bone densitometry in the database: one row for each patient, day and site."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from node.jobs.engine import reading, transaction
from node.jobs.tables import outcome
from node.replay.densitometry import Measurement

_AT_ONCE = 1_000  # rows; a statement can name so many values


@dataclass(frozen=True, slots=True)
class Imported:
    """How many T-scores were new, were other than before, and were there already."""

    new: int
    changed: int
    known: int


class DensitometryStore:
    """What `osteoscreen outcomes` does."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def keep(self, measurements: Sequence[Measurement]) -> Imported:
        """Keep all of them or none; those of a patient, day and site that is known replace it."""
        with transaction(self._engine) as connection:
            before = {key: one.t_score for key, one in _by_key(_all(connection)).items()}
            wanted = _by_key(measurements)
            new = [one for key, one in wanted.items() if key not in before]
            changed = [
                one for key, one in wanted.items() if before.get(key, one.t_score) != one.t_score
            ]
            self._upsert(connection, [*new, *changed])
        return Imported(len(new), len(changed), len(wanted) - len(new) - len(changed))

    def all(self) -> list[Measurement]:
        """Return everything that is kept."""
        with reading(self._engine) as connection:
            return _all(connection)

    def forget(self) -> int:
        """Delete everything; return how many T-scores there were."""
        with transaction(self._engine) as connection:
            return connection.execute(sa.delete(outcome)).rowcount

    def _upsert(self, connection: sa.Connection, rows: Sequence[Measurement]) -> None:
        """Insert or replace: another import may have come between reading and writing."""
        postgres = self._engine.dialect.name == "postgresql"
        key = [outcome.c.patient, outcome.c.taken, outcome.c.site]
        for start in range(0, len(rows), _AT_ONCE):
            values = [asdict(one) for one in rows[start : start + _AT_ONCE]]
            insert = postgresql.insert(outcome) if postgres else sqlite.insert(outcome)
            insert = insert.values(values)
            t_score = insert.excluded.t_score
            connection.execute(
                insert.on_conflict_do_update(index_elements=key, set_={"t_score": t_score})
            )


def _all(connection: sa.Connection) -> list[Measurement]:
    statement = sa.select(outcome.c.patient, outcome.c.taken, outcome.c.site, outcome.c.t_score)
    return [Measurement(*row) for row in connection.execute(statement).tuples()]


def _by_key(measurements: Sequence[Measurement]) -> dict[tuple[str, object, str], Measurement]:
    return {(one.patient, one.taken, one.site): one for one in measurements}
