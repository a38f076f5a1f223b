"""The job table and the archives as the harness reads them: by its own eyes, not the node's.

The table is read without the node's locks, so that watching changes nothing.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from pydicom.uid import SecondaryCaptureImageStorage

from node.config.settings import load
from node.domain.workflow.delivery import DeliveryState, ResultKind
from node.domain.workflow.job import JobState
from node.jobs.tables import delivery, job
from tests.fault_injection.judge import Held, Row, Sent
from tests.peers.orthanc import Instance


class Archive(Protocol):
    """A PACS that can be asked what it holds."""

    def instances(self) -> list[Instance]:
        """Return every object it holds."""


class Records:
    """The job table of a configuration, read only."""

    def __init__(self, config: Path) -> None:
        url = sa.make_url(load(config).database.url)
        if url.get_backend_name() == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        self._engine = sa.create_engine(url, pool_pre_ping=True)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def states(self) -> list[tuple[str, JobState]]:
        """Return SOP Instance UID and state of each job; none before the first start."""
        with self._engine.connect() as connection:
            if not sa.inspect(connection).has_table("job"):
                return []
            rows = connection.execute(sa.select(job.c.sop_instance_uid, job.c.state)).tuples()
            return [(uid, JobState(state)) for uid, state in rows]

    def in_state(self, state: JobState | DeliveryState) -> bool:
        """Return whether a job, or a delivery, stands in a state now."""
        table = job if isinstance(state, JobState) else delivery
        found = sa.select(sa.exists().where(table.c.state == str(state)))
        with self._engine.connect() as connection:
            return bool(connection.scalar(found))

    def keys(self) -> list[tuple[str, str]]:
        """Return the film and the spool key of each result that is not delivered yet."""
        waiting = (
            sa.select(job.c.sop_instance_uid, delivery.c.spool_key)
            .join(delivery, delivery.c.job_id == job.c.id)
            .where(delivery.c.state != str(DeliveryState.DELIVERED))
            .order_by(delivery.c.id)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(waiting).tuples().all())

    def shift(self, table: sa.Table, by: timedelta) -> None:
        """Move the times in a table ahead by so much, as a clock that is ahead writes them."""
        times = [table.c.run_after, table.c.lease_until]
        with self._engine.begin() as connection:
            for row in connection.execute(sa.select(table.c.id, *times)).all():
                moved = {one.name: at and at + by for one, at in zip(times, row[1:], strict=True)}
                connection.execute(sa.update(table).where(table.c.id == row.id).values(moved))

    def rows(self) -> tuple[Row, ...]:
        """Return every job with its deliveries."""
        with self._engine.connect() as connection:
            jobs = connection.execute(sa.select(job)).all()
            deliveries = connection.execute(sa.select(delivery)).all()
        of_job = defaultdict(list)
        for one in deliveries:
            of_job[one.job_id].append(one)
        return tuple(_row(one, of_job[one.id]) for one in jobs)

    def held(self, archives: Mapping[str, Archive]) -> tuple[Held, ...]:
        """Return what each archive holds."""
        return tuple(
            Held(name, one.study_instance_uid, _kind(one), one.sop_instance_uid)
            for name, archive in archives.items()
            for one in archive.instances()
        )


def _row(one: sa.Row[tuple[object, ...]], deliveries: list[sa.Row[tuple[object, ...]]]) -> Row:
    said = [one.reason, one.error, *(sent.error for sent in deliveries)]
    return Row(
        uid=one.sop_instance_uid,
        study=one.film["study_instance_uid"],
        state=JobState(one.state),
        why="; ".join(dict.fromkeys(text for text in said if text)),
        sent=tuple(
            Sent(
                destination=sent.destination,
                kind=ResultKind(sent.kind),
                uid=sent.sop_instance_uid,
                state=DeliveryState(sent.state),
            )
            for sent in deliveries
        ),
    )


def _kind(instance: Instance) -> ResultKind:
    picture = instance.sop_class_uid == SecondaryCaptureImageStorage
    return ResultKind.HEATMAP if picture else ResultKind.REPORT
