"""Leases of claimed rows: test whether a lease is still held, and renew leases."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa

from node.jobs.engine import execute


class _Claim(Protocol):
    """A claimed row: its id, and the worker and the attempt of the claim."""

    @property
    def id(self) -> int: ...

    @property
    def worker(self) -> str: ...

    @property
    def attempt(self) -> int: ...


def is_held(table: sa.Table, claim: _Claim, state: str) -> sa.ColumnElement[bool]:
    """Return the SQL condition that the claim still holds its row; the row must be in `state`."""
    return sa.and_(
        table.c.id == claim.id,
        table.c.worker == claim.worker,
        table.c.attempt == claim.attempt,
        table.c.state == state,
    )


def renew(
    engine: sa.Engine,
    lease: sa.Column[datetime],
    claims: Sequence[_Claim],
    state: str,
    until: datetime,
) -> int:
    """Extend the leases in the column `lease` that are still held; return their number."""
    table = lease.table
    held = sa.or_(*(is_held(table, claim, state) for claim in claims))
    return execute(engine, sa.update(table).where(held).values({lease: until}))
