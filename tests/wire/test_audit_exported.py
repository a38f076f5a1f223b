"""Audit records state what destinations do with results."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from pydicom.uid import SecondaryCaptureImageStorage

from node.audit.file_trail import FileTrail
from node.audit.message import AuditSource
from node.config.peers import Destination
from node.domain.audit_events import Peer
from node.domain.hysteresis import DiskReserve
from node.domain.workflow.delivery import DeliveryState, PlannedDelivery, Result, ResultKind
from node.domain.workflow.job import Analysed
from node.domain.workflow.retry import RetryPolicy
from node.jobs import schema
from node.jobs.delivery_queue import DeliveryQueue
from node.jobs.engine import open_engine
from node.pacs.association import open_archive
from node.spool.store import FileSpool
from node.workers.delivery import DeliverySettings, DeliveryWorker
from tests.contract.conftest import VERDICT, Table
from tests.peers.audit import Record, read
from tests.peers.waiting import free_port
from tests.support.films import make_film, write_film
from tests.wire.conftest import AE_TITLE, StartPacs, answering, make_destination, utc_now

ATTEMPTS = 2


class Delivering:
    """A delivery worker with one result, its job table and its audit trail."""

    def __init__(self, folder: Path, to: Destination, commitment: timedelta | None = None) -> None:
        self._trail = folder / "audit.log"
        engine = open_engine(f"sqlite:///{folder / 'jobs.db'}")
        schema.upgrade(engine)
        self._table = Table(engine, utc_now())
        spool = FileSpool(folder / "spool", DiskReserve(0, 0))
        spool.prepare()
        self.heatmap = make_film(SecondaryCaptureImageStorage)
        self._analyse(
            spool.store_result(write_film(self.heatmap, folder / "heatmap.dcm").read_bytes())
        )
        plan = RetryPolicy(attempts=ATTEMPTS, first=1e-6, cap=1e-6)
        origin = AuditSource("wire", AE_TITLE, "node7", "osteoscreen deliver", 1)
        self.courier = DeliveryWorker(
            queue=DeliveryQueue(engine, plan),
            spool=spool,
            connect=partial(open_archive, to, AE_TITLE),
            settings=DeliverySettings(
                worker="w",
                destination="pacs",
                peer=Peer(to.ae_title, to.host),
                commitment=commitment,
                batch=10,
                lease=60.0,
                retry=plan,
            ),
            audit=FileTrail(self._trail, origin, utc_now),
            clock=utc_now,
        )

    def _analyse(self, spool_key: str) -> None:
        self.study = f"1.2.4.{self._table.receive()}"
        [job] = self._table.claim()
        uid = str(self.heatmap.SOPInstanceUID)
        result = Result(ResultKind.HEATMAP, SecondaryCaptureImageStorage, uid, spool_key, "1.2.9")
        outcome = Analysed(VERDICT, (PlannedDelivery("pacs", result),))
        assert self._table.queue.settle(job, outcome, self._table.now)

    @property
    def state(self) -> DeliveryState:
        [delivery] = self._table.operator.show(1).deliveries
        return delivery.state

    def records(self) -> list[Record]:
        return read(self._trail)


@pytest.fixture
def delivering(tmp_path: Path) -> Callable[..., Delivering]:
    return partial(Delivering, tmp_path)


def test_a_stored_result_is_recorded_with_its_study(
    pacs: StartPacs, delivering: Callable[..., Delivering]
) -> None:
    """The audit record contains the Study Instance UID of the film."""
    node = delivering(pacs(answering(0x0000)))
    assert node.courier.step() == 1
    assert node.state is DeliveryState.DELIVERED
    [record] = node.records()
    assert (record.kind, record.outcome) == ("DICOM Instances Transferred", "0")
    assert record.event.get("EventActionCode") == "R"
    assert (record.subject, record.instances) == (node.study, [node.heatmap.SOPInstanceUID])
    assert next(record.xml.iter("SOPClass")).get("UID") == SecondaryCaptureImageStorage
    source, receiver = record.participants
    assert (source["role"], source["AlternativeUserID"]) == ("110153", f"AETITLES={AE_TITLE}")
    assert (receiver["role"], receiver["UserID"]) == ("110152", "PACS")
    assert receiver["NetworkAccessPointID"] == "127.0.0.1"


def test_a_result_is_recorded_as_exported_before_its_commitment(
    pacs: StartPacs, delivering: Callable[..., Delivering]
) -> None:
    node = delivering(pacs(answering(0x0000)), timedelta(seconds=60))
    node.courier.step()
    assert [entry.outcome for entry in node.records()] == ["0"]


def test_a_refused_result_is_recorded_with_the_reason(
    pacs: StartPacs, delivering: Callable[..., Delivering]
) -> None:
    node = delivering(pacs(answering(0xA900)))
    assert node.courier.step() == 1
    assert node.state is DeliveryState.FAILED
    [record] = node.records()
    assert (record.outcome, record.subject) == ("8", node.study)
    assert "0xa900" in str(record.event.findtext("EventOutcomeDescription"))


def test_only_the_last_failed_attempt_is_recorded(
    delivering: Callable[..., Delivering],
) -> None:
    node = delivering(make_destination(free_port()))
    assert node.courier.step() == 1
    assert node.state is DeliveryState.PENDING
    assert node.records() == []
    node.courier._paused_until = None
    assert node.courier.step() == 1
    assert node.state is DeliveryState.FAILED
    assert [entry.outcome for entry in node.records()] == ["8"]
