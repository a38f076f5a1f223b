"""The composition root: from a configuration to running roles.

Each role imports what it needs when it starts, so that receiving films loads no model.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from enum import StrEnum
from functools import partial

from node.challenger.setup import run_challenger
from node.config.peers import Destination, WebDestination
from node.config.settings import Config
from node.drift.setup import notifying, open_monitor
from node.jobs.delivery_queue import DeliveryQueue
from node.jobs.scoring_queue import ScoringQueue
from node.policies import (
    admission_policy,
    callers,
    decision_policy,
    require_gate,
    retry_policy,
    routes,
)
from node.ports import Archive
from node.runtime.audit_setup import audit_of, audited, peer_of, shipped
from node.runtime.factories import (
    open_database,
    open_intake,
    open_maintenance_store,
    open_orphan_recovery,
    open_spool,
    processors,
    result_settings,
)
from node.spool.patient_key import pseudonyms

_OBJECTS_PER_ASSOCIATION = 50


class Role(StrEnum):
    """A process of the node. Roles meet only in the job table and the spool."""

    INGEST = "ingest"
    ANALYSE = "analyse"
    DELIVER = "deliver"
    MAINTENANCE = "maintenance"
    CHALLENGER = "challenger"


def run_role(role: Role, config: Config, stop: threading.Event, *, alone: bool = False) -> None:
    """Run one role until `stop` is set; then let it finish what it holds.

    The maintenance role ships the audit trail. A role that runs `alone`, without a supervisor, also
    ships it, because it may be the only role on its machine.
    """
    shipping = shipped(config, stop) if alone or role is Role.MAINTENANCE else nullcontext()
    with audited(config, role) if alone else nullcontext(), shipping:
        _RUNNERS[role](config, stop)


def run_ingest(config: Config, stop: threading.Event) -> None:
    """Receive films."""
    from node.ingest.commitment_reports import ReportService
    from node.ingest.scp import IngestServer
    from node.ingest.store import StoreService
    from node.workers.loop import utc_now

    spool, intake = open_spool(config), open_intake(config)
    audit = audit_of(config, Role.INGEST)
    server = IngestServer(
        settings=config.dicom,
        callers=callers(config),
        incoming=spool.incoming,
        store=StoreService(
            intake,
            spool,
            admission_policy(config),
            audit,
            utc_now,
            pseudonyms(config.spool.path),
        ),
        reports=ReportService(intake, utc_now),
        audit=audit,
    )
    server.start()
    stop.wait()
    server.stop()


def run_analyse(config: Config, stop: threading.Event) -> None:
    """Score films and build their results."""
    from node.inference.decoder_pool import DecoderPool
    from node.inference.predictor import load
    from node.workers.loop import ScoringSettings, run, utc_now, worker_name
    from node.workers.scoring import ScoringConfig, ScoringWorker

    queue, spool = ScoringQueue(open_database(config)), open_spool(config)
    wanted = config.model
    # Its processes get ready while the model is loaded.
    with DecoderPool(wanted.decoders or min(wanted.batch, processors())) as decoders:
        predictor = load(wanted.bundle, wanted.device, wanted.threads, decoders.decode)
        analyst = ScoringWorker(
            queue=queue,
            spool=spool,
            predictor=predictor,
            settings=ScoringSettings(
                worker=worker_name(Role.ANALYSE),
                batch=wanted.batch,
                lease=config.queue.lease,
                retry=retry_policy(config.queue.analysis),
            ),
            config=ScoringConfig(
                admission=require_gate(admission_policy(config), predictor.has_gate),
                decision=decision_policy(config, predictor.thresholds),
                routes=routes(config),
                results=result_settings(config),
                callers=callers(config),
            ),
            clock=utc_now,
        )
        run(analyst.step, stop, config.queue.poll)


def run_deliver(config: Config, stop: threading.Event) -> None:
    """Send results: one courier, on a thread of its own, for each destination."""
    from node.workers.delivery import DeliverySettings, DeliveryWorker
    from node.workers.loop import run, utc_now, worker_name

    plan = retry_policy(config.queue.delivery)
    queue, spool = DeliveryQueue(open_database(config), plan), open_spool(config)
    audit = audit_of(config, Role.DELIVER)
    threads = []
    for destination in config.destinations:
        connect, commitment = _reach(destination, config.dicom.ae_title)
        courier = DeliveryWorker(
            queue=queue,
            spool=spool,
            connect=connect,
            settings=DeliverySettings(
                worker=worker_name(Role.DELIVER),
                destination=destination.name,
                peer=peer_of(destination),
                commitment=commitment,
                batch=_OBJECTS_PER_ASSOCIATION,
                lease=config.queue.lease,
                retry=plan,
            ),
            audit=audit,
            clock=utc_now,
        )
        threads.append(threading.Thread(target=run, args=(courier.step, stop, config.queue.poll)))
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join()


def _reach(
    destination: Destination | WebDestination, calling_ae: str
) -> tuple[Callable[[], AbstractContextManager[Archive]], timedelta | None]:
    """Return how to open a destination, and how long to wait for its commitment, None for none.

    Certificates and secrets that cannot be used are said at once, not at the first result.
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


def run_maintenance(config: Config, stop: threading.Event) -> None:
    """Run the maintenance tasks, drift monitoring and the notifiers."""
    from node.maintenance.scheduler import run
    from node.maintenance.tasks import MaintenanceTasks, RetentionPeriods
    from node.workers.loop import utc_now

    tasks = MaintenanceTasks(
        open_maintenance_store(config),
        open_spool(config),
        open_orphan_recovery(config),
        RetentionPeriods(**config.retention.model_dump()),
        config.queue.alarm,
        utc_now,
    )
    engine = open_database(config)
    monitor = open_monitor(config, engine)
    with notifying(config, engine, stop):
        run(tasks, monitor, config.schedule, stop)


_RUNNERS: Mapping[Role, Callable[[Config, threading.Event], None]] = {
    Role.INGEST: run_ingest,
    Role.ANALYSE: run_analyse,
    Role.DELIVER: run_deliver,
    Role.MAINTENANCE: run_maintenance,
    Role.CHALLENGER: run_challenger,
}
