"""The one place where a state changes: by an event of the transition tables, with its record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from node.domain.workflow import delivery as deliveries
from node.domain.workflow import job as jobs
from node.domain.workflow.delivery import DeliveryEvent, DeliveryState
from node.domain.workflow.job import JobEvent
from node.jobs.mapping import short
from node.jobs.tables import delivery, event, job

Where = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Change:
    """When, by whom and why something moves."""

    at: datetime
    who: str
    why: str = ""


def move_jobs(
    connection: sa.Connection, moved: JobEvent, where: Sequence[Where], note: Change, **values: Any
) -> list[sa.Row[Any]]:
    """Move the jobs that match and are in a state this event starts from; return their rows."""
    statement = (
        sa.update(job)
        .where(job.c.state.in_([str(s) for s in jobs.sources(moved)]), *where)
        .values(state=str(jobs.target(moved)), updated_at=note.at, **values)
        .returning(*job.c)
    )
    rows = sorted(connection.execute(statement).all(), key=lambda row: row.id)
    _record(connection, moved, [(row.id, None, row.state) for row in rows], note)
    return rows


def move_deliveries(
    connection: sa.Connection,
    moved: DeliveryEvent,
    where: Sequence[Where],
    note: Change,
    **values: Any,
) -> list[sa.Row[Any]]:
    """Move the deliveries that match, then every job that now waits for none of its own."""
    state = deliveries.target(moved)
    statement = (
        sa.update(delivery)
        .where(delivery.c.state.in_([str(s) for s in deliveries.sources(moved)]), *where)
        .values(state=str(state), updated_at=note.at, **values)
        .returning(*delivery.c)
    )
    rows = sorted(connection.execute(statement).all(), key=lambda row: row.id)
    _record(connection, moved, [(row.job_id, row.id, row.state) for row in rows], note)
    if state in deliveries.SETTLED:
        for job_id in sorted({row.job_id for row in rows}):
            finish_if_settled(connection, job_id, note)
    return rows


def finish_if_settled(connection: sa.Connection, job_id: int, note: Change) -> None:
    """End a job that waits for no delivery: DONE, or FAILED where one failed."""
    # Two deliveries of one job may settle at the same moment: the lock makes the second look
    # only after the first is committed, so that one of them sees that it is the last. NO KEY
    # UPDATE, because both already hold a key share on the job, by the event they inserted.
    this = sa.select(job.c.id).where(job.c.id == job_id)
    connection.execute(this.with_for_update(key_share=True))
    states = set(connection.scalars(sa.select(delivery.c.state).where(delivery.c.job_id == job_id)))
    if not states <= deliveries.SETTLED:
        return
    if DeliveryState.FAILED in states:
        error = "a destination did not take every result; see the deliveries"
        move_jobs(connection, JobEvent.FAIL, [job.c.id == job_id], note, error=error)
    else:
        move_jobs(connection, JobEvent.FINISH, [job.c.id == job_id], note)


def record_new(connection: sa.Connection, job_id: int, what: str, state: str, note: Change) -> None:
    """Append the event of a row that was just inserted."""
    _append(connection, [_entry(what, job_id, None, state, note)])


def _record(
    connection: sa.Connection,
    moved: JobEvent | DeliveryEvent,
    rows: Sequence[tuple[int, int | None, str]],
    note: Change,
) -> None:
    _append(connection, [_entry(str(moved), *row, note) for row in rows])


def _entry(
    what: str, job_id: int, delivery_id: int | None, state: str, note: Change
) -> dict[str, Any]:
    return {
        "at": note.at,
        "job_id": job_id,
        "delivery_id": delivery_id,
        "event": what,
        "state": state,
        "who": note.who[:80],
        "why": short(note.why),
    }


def _append(connection: sa.Connection, entries: list[dict[str, Any]]) -> None:
    if entries:
        connection.execute(sa.insert(event), entries)
