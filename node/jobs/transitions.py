"""State changes of jobs and deliveries, which are recorded in the history.

Only this module writes states. The transition tables of the domain define the allowed changes.
"""

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

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Transition:
    """The time, the actor and the reason of a state change."""

    at: datetime
    actor: str
    reason: str = ""


def move_jobs(
    connection: sa.Connection,
    trigger: JobEvent,
    conditions: Sequence[Condition],
    transition: Transition,
    **values: Any,
) -> list[sa.Row[Any]]:
    """Change the state of the jobs that match the conditions and accept the trigger.

    `values` contains new values of further columns. The changed rows are returned, sorted by id.
    """
    source = job.c.state.in_([str(state) for state in jobs.states_before(trigger)])
    values["state"] = str(jobs.state_after(trigger))
    rows = _update(connection, job, [source, *conditions], transition, values)
    _record(connection, trigger, [(row.id, None, row.state) for row in rows], transition)
    return rows


def move_deliveries(
    connection: sa.Connection,
    trigger: DeliveryEvent,
    conditions: Sequence[Condition],
    transition: Transition,
    **values: Any,
) -> list[sa.Row[Any]]:
    """Change the state of matching deliveries, then of each job whose deliveries are all final."""
    source = delivery.c.state.in_([str(state) for state in deliveries.states_before(trigger)])
    values["state"] = str(deliveries.state_after(trigger))
    rows = _update(connection, delivery, [source, *conditions], transition, values)
    _record(connection, trigger, [(row.job_id, row.id, row.state) for row in rows], transition)
    if values["state"] in deliveries.FINAL_DELIVERY_STATES:
        for job_id in sorted({row.job_id for row in rows}):
            finish_if_settled(connection, job_id, transition)
    return rows


def finish_if_settled(connection: sa.Connection, job_id: int, transition: Transition) -> None:
    """End a job without open deliveries: as DONE, or as FAILED if a delivery failed."""
    # Two deliveries of one job may settle at the same moment. Because of the lock, the second
    # transaction reads the states after the first transaction has committed. The lock is NO KEY
    # UPDATE, because each transaction has inserted events, and therefore holds a key share lock on
    # the job.
    locked = sa.select(job.c.id).where(job.c.id == job_id).with_for_update(key_share=True)
    connection.execute(locked)
    states = set(connection.scalars(sa.select(delivery.c.state).where(delivery.c.job_id == job_id)))
    if not states <= deliveries.FINAL_DELIVERY_STATES:
        return
    this_job = [job.c.id == job_id]
    if DeliveryState.FAILED in states:
        error = "a destination did not accept every result; see the deliveries"
        move_jobs(connection, JobEvent.FAIL, this_job, transition, error=error)
    else:
        move_jobs(connection, JobEvent.FINISH, this_job, transition)


def record_receipt(
    connection: sa.Connection, job_id: int, state: str, transition: Transition
) -> None:
    """Append the event of a job that was just inserted."""
    _record(connection, "receive", [(job_id, None, state)], transition)


def _update(
    connection: sa.Connection,
    table: sa.Table,
    conditions: Sequence[Condition],
    transition: Transition,
    values: dict[str, Any],
) -> list[sa.Row[Any]]:
    """Write the values to the rows that match the conditions; return these rows sorted by id."""
    statement = (
        sa.update(table)
        .where(*conditions)
        .values(updated_at=transition.at, **values)
        .returning(*table.c)
    )
    return sorted(connection.execute(statement), key=lambda row: row.id)


def _record(
    connection: sa.Connection,
    trigger: str,
    rows: Sequence[tuple[int, int | None, str]],
    transition: Transition,
) -> None:
    """Append a history event for each tuple of job id, delivery id and new state."""
    entries = [
        {
            "at": transition.at,
            "job_id": job_id,
            "delivery_id": delivery_id,
            "event": str(trigger),
            "state": state,
            "who": transition.actor[:80],
            "why": short(transition.reason),
        }
        for job_id, delivery_id, state in rows
    ]
    if entries:
        connection.execute(sa.insert(event), entries)
