"""Create the stores, the spool and the connections of roles and commands from a configuration."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import sqlalchemy as sa

from node.config.peers import Destination, WebDestination
from node.config.settings import Config
from node.jobs import schema
from node.jobs.engine import open_engine
from node.jobs.intake import IntakeStore
from node.jobs.maintenance import MaintenanceStore
from node.jobs.operator import OperatorStore
from node.policies import admission_policy, reserve, retry_policy
from node.ports import Archive
from node.spool.patient_key import pseudonyms
from node.spool.store import FileSpool
from node.workers.loop import utc_now

if TYPE_CHECKING:
    from node.maintenance.orphans import OrphanRecovery
    from node.results.result_context import ResultSettings


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def open_spool(config: Config) -> FileSpool:
    """Return the spool; create its folders."""
    spool = FileSpool(config.spool.path, reserve(config))
    spool.prepare()
    return spool


def open_operator_store(config: Config) -> OperatorStore:
    """Return the job table for operators."""
    return OperatorStore(open_database(config))


def open_orphan_recovery(config: Config) -> "OrphanRecovery":
    """Return the recovery of orphaned films, which applies the admission rules of ingest."""
    from node.maintenance.orphans import OrphanRecovery

    return OrphanRecovery(
        open_maintenance_store(config),
        open_intake(config),
        open_spool(config),
        admission_policy(config),
        utc_now,
        pseudonyms(config.spool.path),
    )


def upgrade_schema(config: Config) -> str:
    """Run the missing database migrations; return the new schema revision."""
    engine = open_engine(config.database.url)
    try:
        return schema.upgrade(engine)
    finally:
        engine.dispose()


def open_database(config: Config) -> sa.Engine:
    """Open the job table; raise Misconfigured if its schema is not current."""
    return schema.open_current(config.database.url)


def open_intake(config: Config) -> IntakeStore:
    """Return the job table for the ingest role."""
    return IntakeStore(open_database(config), retry_policy(config.queue.delivery))


def open_maintenance_store(config: Config) -> MaintenanceStore:
    """Return the job table for the maintenance role."""
    queue = config.queue
    lease = timedelta(seconds=queue.lease)
    return MaintenanceStore(
        open_database(config), retry_policy(queue.analysis), retry_policy(queue.delivery), lease
    )


def result_settings(config: Config) -> "ResultSettings":
    """Return the encoding and the language of results."""
    from node.results.fonts import typeface_for
    from node.results.result_context import ResultSettings
    from node.results.translations.languages import Language

    section = config.results
    language = Language(section.language)
    return ResultSettings(
        software_version=version("osteoscreen"),
        series_number_report=section.series_number_report,
        series_number_heatmap=section.series_number_heatmap,
        series_number_text=section.series_number_text,
        heatmap_max_side=section.heatmap_max_side,
        language=language,
        typeface=typeface_for(language, section.font),
    )


def connect_destination(
    destination: Destination | WebDestination, calling_ae: str
) -> tuple[Callable[[], AbstractContextManager[Archive]], timedelta | None]:
    """Return a function that connects to a destination, and the commitment time-out or None.

    Raises Misconfigured if a certificate or a secret file cannot be used.
    """
    from node.pacs.association import open_archive
    from node.pacs.stow import open_web, web_client
    from node.security.tls import client_context

    if isinstance(destination, WebDestination):
        web_client(destination).close()
        return partial(open_web, destination), None
    if destination.tls is not None:
        client_context(destination.tls)
    patience = destination.commitment_timeout if destination.commitment else None
    return partial(open_archive, destination, calling_ae), patience
