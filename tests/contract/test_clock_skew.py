"""Rows that a fast clock wrote do not delay work after the clock was set back.

A machine that boots with a wrong clock can write times that are hours in the future.
"""

from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

from node.audit.file_trail import NoTrail
from node.domain.audit_events import Peer
from node.domain.errors import Unreachable
from node.domain.hysteresis import DiskReserve
from node.domain.workflow.delivery import DeliveryState
from node.domain.workflow.job import JobState
from node.domain.workflow.retry import RetryAt
from node.ports import Archive
from node.spool.store import FileSpool
from node.workers.delivery import DeliverySettings, DeliveryWorker
from tests.contract.conftest import DELIVERY, LEASE, Table

AHEAD = timedelta(hours=2)
HOURS = AHEAD.total_seconds()


def test_a_film_scheduled_by_a_fast_clock_is_claimed_now(table: Table) -> None:
    """The film does not wait two hours, until the corrected clock reaches the scheduled time."""
    table.later(HOURS)
    job_id = table.receive()
    table.later(-HOURS)
    assert table.claim() == []
    table.maintenance.release_expired_leases(table.now)
    assert [job.id for job in table.claim()] == [job_id]


def test_a_delivery_scheduled_by_a_fast_clock_is_claimed_now(table: Table) -> None:
    table.later(HOURS)
    table.analyse()
    table.later(-HOURS)
    assert table.take() == []
    table.maintenance.release_expired_leases(table.now)
    assert len(table.take()) == 2


def test_the_longest_wait_of_a_retry_is_kept(table: Table) -> None:
    """A long retry delay does not indicate a wrong clock."""
    job_id = table.analyse()
    due = table.now + timedelta(seconds=DELIVERY.cap)
    for delivery in table.take():
        assert table.deliveries.settle(delivery, RetryAt(due, "busy"), table.now)
    table.maintenance.release_expired_leases(table.now)
    assert {d.run_after for d in table.operator.show(job_id).deliveries} == {due}


def test_a_dead_scoring_workers_lease_expires_despite_its_fast_clock(table: Table) -> None:
    """A lease expires if no worker has renewed the lease for one lease duration."""
    table.later(HOURS)
    job_id = table.receive()
    table.claim()
    table.later(-HOURS)
    assert table.maintenance.release_expired_leases(table.now) == 0
    assert table.maintenance.release_expired_leases(table.later(LEASE.total_seconds() / 2)) == 0
    assert table.maintenance.release_expired_leases(table.later(LEASE.total_seconds())) == 1
    assert table.operator.show(job_id).job.state is JobState.RECEIVED


def test_a_dead_delivery_workers_lease_expires_despite_its_fast_clock(table: Table) -> None:
    """Leases of deliveries are treated like leases of jobs."""
    table.later(HOURS)
    job_id = table.analyse()
    assert len(table.take()) == 2
    table.later(-HOURS)
    assert table.maintenance.release_expired_leases(table.now) == 0
    assert table.maintenance.release_expired_leases(table.later(LEASE.total_seconds() + 1)) == 2
    states = {d.state for d in table.operator.show(job_id).deliveries}
    assert states == {DeliveryState.PENDING}


def test_a_live_worker_with_a_fast_clock_keeps_its_lease(table: Table) -> None:
    """A live worker renews its lease, so the lease changes."""
    job_id = table.receive()
    claimed = table.claim()
    for _ in range(6):
        assert table.queue.renew(claimed, table.now + AHEAD + LEASE) == 1
        assert table.maintenance.release_expired_leases(table.later(LEASE.total_seconds() / 3)) == 0
    assert table.operator.show(job_id).job.state is JobState.ANALYSING


def test_a_pause_set_by_a_fast_clock_ends(table: Table, tmp_path: Path) -> None:
    """After the clock was set back, a delivery worker tries its destination again."""
    tries = []

    def connect() -> AbstractContextManager[Archive]:
        tries.append(table.now)
        raise Unreachable("no answer")

    settings = DeliverySettings(
        worker="c1",
        batch=10,
        lease=LEASE.total_seconds(),
        retry=DELIVERY,
        destination="pacs",
        peer=Peer("PACS", "127.0.0.1"),
        commitment=None,
    )
    spool = FileSpool(tmp_path / "spool", DiskReserve(0, 0))
    worker = DeliveryWorker(
        table.deliveries, spool, connect, settings, NoTrail(), lambda: table.now
    )
    table.later(HOURS)
    table.analyse()
    assert (worker.step(), worker.step()) == (2, 0)
    table.later(-HOURS)
    table.maintenance.release_expired_leases(table.now)
    assert worker.step() == 1
    assert len(tries) == 2
