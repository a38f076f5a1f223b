"""A clock that ran ahead and was set back: what it put off is taken up, what it leased is rescued.

Every machine that boots with a wrong clock leaves such rows, and nothing may wait hours for them.
"""

from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

from node.audit.file_trail import NoTrail
from node.domain.audit_events import Peer
from node.domain.errors import Unreachable
from node.domain.hysteresis import Reserve
from node.domain.workflow.delivery import DeliveryState
from node.domain.workflow.job import JobState
from node.domain.workflow.retry import RetryAt
from node.ports import Archive
from node.spool.store import FileSpool
from node.workers.delivery import DeliverySettings, DeliveryWorker
from tests.contract.conftest import DELIVERY, LEASE, Table

AHEAD = timedelta(hours=2)
HOURS = AHEAD.total_seconds()


def test_a_film_of_a_clock_ahead_is_claimed_now(table: Table) -> None:
    """Not two hours later, when our clock comes to where that one was."""
    table.later(HOURS)
    job_id = table.receive()
    table.later(-HOURS)
    assert table.claim() == []
    table.care.rescue(table.now)
    assert [job.id for job in table.claim()] == [job_id]


def test_a_delivery_of_a_clock_ahead_is_claimed_now(table: Table) -> None:
    """The results as well as the films."""
    table.later(HOURS)
    table.analyse()
    table.later(-HOURS)
    assert table.take() == []
    table.care.rescue(table.now)
    assert len(table.take()) == 2


def test_an_ordinary_wait_is_left_alone(table: Table) -> None:
    """The longest wait before a retry is no sign of a wrong clock."""
    job_id = table.analyse()
    due = table.now + timedelta(seconds=DELIVERY.cap)
    for delivery in table.take():
        assert table.outbox.settle(delivery, RetryAt(due, "busy"), table.now)
    table.care.rescue(table.now)
    assert {d.run_after for d in table.desk.show(job_id).deliveries} == {due}


def test_a_dead_workers_lease_of_a_clock_ahead_is_rescued(table: Table) -> None:
    """Once it has stood still for a span, and not at first sight."""
    table.later(HOURS)
    job_id = table.receive()
    table.claim()
    table.later(-HOURS)
    assert table.care.rescue(table.now) == 0
    assert table.care.rescue(table.later(LEASE.total_seconds() / 2)) == 0
    assert table.care.rescue(table.later(LEASE.total_seconds())) == 1
    assert table.desk.show(job_id).job.state is JobState.RECEIVED


def test_a_dead_couriers_lease_of_a_clock_ahead_is_rescued(table: Table) -> None:
    """Deliveries likewise."""
    table.later(HOURS)
    job_id = table.analyse()
    assert len(table.take()) == 2
    table.later(-HOURS)
    assert table.care.rescue(table.now) == 0
    assert table.care.rescue(table.later(LEASE.total_seconds() + 1)) == 2
    states = {d.state for d in table.desk.show(job_id).deliveries}
    assert states == {DeliveryState.PENDING}


def test_a_living_worker_whose_clock_is_ahead_keeps_its_work(table: Table) -> None:
    """It renews, and is never taken for dead, however far ahead its clock is."""
    job_id = table.receive()
    held = table.claim()
    for _ in range(6):
        assert table.queue.renew(held, table.now + AHEAD + LEASE) == 1
        assert table.care.rescue(table.later(LEASE.total_seconds() / 3)) == 0
    assert table.desk.show(job_id).job.state is JobState.ANALYSING


def test_a_breaker_of_a_clock_ahead_lets_go(table: Table, tmp_path: Path) -> None:
    """A courier that runs on tries the line again, and does not pause for the hours between."""
    tries = []

    def connect() -> AbstractContextManager[Archive]:
        tries.append(table.now)
        raise Unreachable("nobody answers")

    settings = DeliverySettings(
        "c1", "pacs", Peer("PACS", "127.0.0.1"), None, 10, LEASE.total_seconds(), DELIVERY
    )
    spool = FileSpool(tmp_path / "spool", Reserve(0, 0))
    courier = DeliveryWorker(table.outbox, spool, connect, settings, NoTrail(), lambda: table.now)
    table.later(HOURS)
    table.analyse()
    assert (courier.step(), courier.step()) == (2, 0)
    table.later(-HOURS)
    table.care.rescue(table.now)
    assert courier.step() == 1
    assert len(tries) == 2
