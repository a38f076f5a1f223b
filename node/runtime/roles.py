"""Build each role from a configuration and run it.

Each role imports its packages when it starts, so that the ingest role does not import torch.
"""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from node.audit.file_trail import open_trail
from node.audit.shipper import open_shipper
from node.challenger.setup import run_challenger
from node.config.peers import Destination, WebDestination
from node.config.settings import Config
from node.domain.audit_events import Peer
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
from node.runtime.factories import (
    connect_destination,
    open_database,
    open_intake,
    open_maintenance_store,
    open_orphan_recovery,
    open_spool,
    processors,
    result_settings,
)
from node.spool.patient_key import pseudonyms
from node.workers.loop import run, running, scoring_settings, utc_now, worker_name

_OBJECTS_PER_ASSOCIATION = 50
_SHIP_SECONDS = 1.0

Ready = Callable[[], None]
"""A function that reports that a role is ready."""


class Role(StrEnum):
    """The task of a process of the node; roles share only the job table and the spool."""

    INGEST = "ingest"
    ANALYSE = "analyse"
    DELIVER = "deliver"
    MAINTENANCE = "maintenance"
    CHALLENGER = "challenger"


@dataclass(frozen=True, slots=True)
class IngestPort:
    """The listening socket of ingest.

    `handed_over` is set after another process has taken over the socket. The old process can then
    wait longer than `dicom.dimse_timeout` for open associations.
    """

    listener: socket.socket
    handed_over: threading.Event = field(default_factory=threading.Event)


def run_role(
    role: Role,
    config: Config,
    stop: threading.Event,
    ready: Ready,
    port: IngestPort | None = None,
    *,
    alone: bool = False,
) -> None:
    """Run one role until `stop` is set, and finish the claimed work.

    `ready` is called once, when the role has started. The maintenance role and a role that runs
    `alone` also ship the audit trail.
    """
    shipper = open_shipper(config) if alone or role is Role.MAINTENANCE else None
    with running([] if shipper is None else [shipper.step], stop, _SHIP_SECONDS):
        match role:
            case Role.INGEST:
                assert port is not None  # noqa: S101 - ingest always has one
                run_ingest(config, stop, ready, port)
            case Role.ANALYSE:
                run_analyse(config, stop, ready)
            case Role.DELIVER:
                run_deliver(config, stop, ready)
            case Role.MAINTENANCE:
                run_maintenance(config, stop, ready)
            case Role.CHALLENGER:
                run_challenger(config, stop, ready)


def run_ingest(config: Config, stop: threading.Event, ready: Ready, port: IngestPort) -> None:
    """Receive films on the listening socket until `stop` is set."""
    from node.ingest.commitment_reports import ReportService
    from node.ingest.scp import IngestServer
    from node.ingest.store import StoreService

    spool, intake = open_spool(config), open_intake(config)
    audit = open_trail(config, Role.INGEST)
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
    # The server closes its copy of the socket. The original stays open, so that the role can
    # execute itself again.
    server.start(port.listener.dup())
    ready()
    stop.wait()
    server.stop(port.handed_over)


def run_analyse(config: Config, stop: threading.Event, ready: Ready) -> None:
    """Score films and build their results."""
    from node.inference.decoder_pool import DecoderPool
    from node.inference.predictor import load
    from node.workers.scoring import ScoringConfig, ScoringWorker

    queue, spool = ScoringQueue(open_database(config)), open_spool(config)
    model = config.model
    # The decoder processes start while the model is loaded.
    with DecoderPool(model.decoders or min(model.batch, processors())) as decoders:
        predictor = load(model.bundle, model.device, model.threads, decoders.decode)
        worker = ScoringWorker(
            queue=queue,
            spool=spool,
            predictor=predictor,
            settings=scoring_settings(config, Role.ANALYSE, model.batch),
            config=ScoringConfig(
                admission=require_gate(admission_policy(config), predictor.has_gate),
                decision=decision_policy(config, predictor.thresholds),
                routes=routes(config),
                results=result_settings(config),
                callers=callers(config),
            ),
            clock=utc_now,
        )
        ready()
        run(worker.step, stop, config.queue.poll)


def run_deliver(config: Config, stop: threading.Event, ready: Ready) -> None:
    """Send results, with one thread for each destination."""
    from node.workers.delivery import DeliverySettings, DeliveryWorker

    plan = retry_policy(config.queue.delivery)
    queue, spool = DeliveryQueue(open_database(config), plan), open_spool(config)
    audit = open_trail(config, Role.DELIVER)
    steps = []
    for destination in config.destinations:
        connect, commitment = connect_destination(destination, config.dicom.ae_title)
        worker = DeliveryWorker(
            queue=queue,
            spool=spool,
            connect=connect,
            settings=DeliverySettings(
                worker=worker_name(Role.DELIVER),
                destination=destination.name,
                peer=_audit_peer(destination),
                commitment=commitment,
                batch=_OBJECTS_PER_ASSOCIATION,
                lease=config.queue.lease,
                retry=plan,
            ),
            audit=audit,
            clock=utc_now,
        )
        steps.append(worker.step)
    with running(steps, stop, config.queue.poll):
        ready()
        stop.wait()


def _audit_peer(destination: Destination | WebDestination) -> Peer:
    """Return the peer that the audit trail records for a destination."""
    if isinstance(destination, WebDestination):
        return Peer("", str(destination.url.host))
    return Peer(destination.ae_title, destination.host)


def run_maintenance(config: Config, stop: threading.Event, ready: Ready) -> None:
    """Run the maintenance tasks, drift monitoring and the notifiers."""
    from node.maintenance import scheduler
    from node.maintenance.tasks import MaintenanceTasks

    tasks = MaintenanceTasks(
        open_maintenance_store(config),
        open_spool(config),
        open_orphan_recovery(config),
        config.retention,
        config.queue.alarm,
        utc_now,
    )
    engine = open_database(config)
    monitor = open_monitor(config, engine)
    with notifying(config, engine, stop):
        ready()
        scheduler.run(tasks, monitor, config.schedule, stop)
