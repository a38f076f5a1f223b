"""Read the job table and the archives independently of the node's own code.

The table is read without locks, so that observation does not affect the node.
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
from tests.fault_injection.invariants import ArchivedResult, DeliveryRecord, JobRecord
from tests.peers.orthanc import Instance


class Archive(Protocol):
    """An archive whose content can be listed."""

    def instances(self) -> list[Instance]:
        """Return every stored object."""


class JobTable:
    """The job table of a configuration."""

    def __init__(self, config: Path) -> None:
        url = sa.make_url(load(config).database.url)
        if url.get_backend_name() == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        self._engine = sa.create_engine(url, pool_pre_ping=True)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def states(self) -> list[tuple[str, JobState]]:
        """Return SOP Instance UID and state of each job; empty before the first start."""
        with self._engine.connect() as connection:
            if not sa.inspect(connection).has_table("job"):
                return []
            rows = connection.execute(sa.select(job.c.sop_instance_uid, job.c.state)).tuples()
            return [(uid, JobState(state)) for uid, state in rows]

    def has(self, state: JobState | DeliveryState) -> bool:
        """Return whether a job or a delivery is in this state."""
        table = job if isinstance(state, JobState) else delivery
        query = sa.select(sa.exists().where(table.c.state == str(state)))
        with self._engine.connect() as connection:
            return bool(connection.scalar(query))

    def undelivered_keys(self) -> list[tuple[str, str]]:
        """Return the film's SOP Instance UID and the spool key of each undelivered result."""
        query = (
            sa.select(job.c.sop_instance_uid, delivery.c.spool_key)
            .join(delivery, delivery.c.job_id == job.c.id)
            .where(delivery.c.state != str(DeliveryState.DELIVERED))
            .order_by(delivery.c.id)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(query).tuples().all())

    def shift_times(self, table: sa.Table, by: timedelta) -> None:
        """Add a duration to the scheduled times of a table, as a fast clock would write them."""
        columns = [table.c.run_after, table.c.lease_until]
        with self._engine.begin() as connection:
            for row in connection.execute(sa.select(table.c.id, *columns)).all():
                times = zip(columns, row[1:], strict=True)
                shifted = {column.name: at and at + by for column, at in times}
                connection.execute(sa.update(table).where(table.c.id == row.id).values(shifted))

    def jobs(self) -> tuple[JobRecord, ...]:
        """Return every job with its deliveries."""
        with self._engine.connect() as connection:
            job_rows = connection.execute(sa.select(job)).all()
            delivery_rows = connection.execute(sa.select(delivery)).all()
        by_job = defaultdict(list)
        for row in delivery_rows:
            by_job[row.job_id].append(row)
        return tuple(_job_record(row, by_job[row.id]) for row in job_rows)


def archived_results(archives: Mapping[str, Archive]) -> tuple[ArchivedResult, ...]:
    """Return the content of each archive, by destination."""
    return tuple(
        ArchivedResult(
            name, instance.study_instance_uid, _kind(instance), instance.sop_instance_uid
        )
        for name, archive in archives.items()
        for instance in archive.instances()
    )


def _job_record(
    row: sa.Row[tuple[object, ...]], deliveries: list[sa.Row[tuple[object, ...]]]
) -> JobRecord:
    errors = [row.reason, row.error, *(sent.error for sent in deliveries)]
    return JobRecord(
        uid=row.sop_instance_uid,
        study=row.film["study_instance_uid"],
        state=JobState(row.state),
        error="; ".join(dict.fromkeys(text for text in errors if text)),
        deliveries=tuple(
            DeliveryRecord(
                destination=sent.destination,
                kind=ResultKind(sent.kind),
                uid=sent.sop_instance_uid,
                state=DeliveryState(sent.state),
            )
            for sent in deliveries
        ),
    )


def _kind(instance: Instance) -> ResultKind:
    image = instance.sop_class_uid == SecondaryCaptureImageStorage
    return ResultKind.HEATMAP if image else ResultKind.REPORT
