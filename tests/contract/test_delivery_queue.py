"""What deliver, the commitment reports and the operator rely on, on both databases."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from node.domain.admission.header_rules import AdmissionPolicy, Refused
from node.domain.admission.reasons import Reason
from node.domain.errors import Permanent, Transient
from node.domain.hysteresis import Reserve
from node.domain.workflow.delivery import (
    AwaitCommitment,
    CommitmentReport,
    DeliveryState,
    ResultKind,
    Stored,
)
from node.domain.workflow.job import JobState
from node.domain.workflow.retry import Failed, RetryAt
from node.jobs.engine import open_engine
from node.maintenance.orphans import OrphanRecovery
from node.maintenance.tasks import MaintenanceTasks, RetentionPeriods
from node.spool.store import FileSpool
from tests.contract.conftest import LEASE, Table, film


def states(table: Table, job_id: int) -> list[DeliveryState]:
    """Return the states of a job's deliveries."""
    return [delivery.state for delivery in table.desk.show(job_id).deliveries]


def state(table: Table, job_id: int) -> JobState:
    """Return a job's state."""
    return table.desk.show(job_id).job.state


def await_commitment(table: Table, job_id: int) -> None:
    """Store both results of a job and leave them waiting for transaction 2.25.9."""
    due = AwaitCommitment("2.25.9", table.now + timedelta(seconds=600))
    for delivery in table.take():
        assert table.outbox.settle(delivery, due, table.now)
    assert states(table, job_id) == [DeliveryState.AWAITING_COMMITMENT] * 2


def test_a_job_is_done_with_its_last_delivery(table: Table) -> None:
    """Not before every destination has every result."""
    job_id = table.analyse(destinations=("pacs", "ris"))
    for delivery in table.take("pacs"):
        table.outbox.settle(delivery, Stored(), table.now)
    assert state(table, job_id) is JobState.ANALYSED
    for delivery in table.take("ris"):
        table.outbox.settle(delivery, Stored(), table.now)
    assert state(table, job_id) is JobState.DONE


def test_a_claimed_delivery_knows_the_study_of_its_film(table: Table) -> None:
    """The audit trail names it; the delivery's own row does not have it."""
    for number in (1, 2):
        table.analyse(number)
    studies = {one.job_id: one.study_instance_uid for one in table.take()}
    assert studies == {1: "1.2.4.1", 2: "1.2.4.2"}


def test_two_last_deliveries_at_once_end_the_job(open_table: Callable[[], Table]) -> None:
    """Couriers that settle in the same moment do not each leave the end to the other."""
    table = open_table()
    ids = [table.analyse(number, ("pacs", "ris")) for number in range(1, 9)]
    for delivery in table.take("pacs", 100) + table.take("ris", 100):
        if delivery.kind is ResultKind.REPORT:
            table.outbox.settle(delivery, Stored(), table.now)
    start = threading.Barrier(2)

    def deliver(destination: str) -> None:
        mine = open_table()
        left = [
            d
            for job_id in ids
            for d in mine.desk.show(job_id).deliveries
            if d.destination == destination and d.state is DeliveryState.SENDING
        ]
        start.wait()
        for delivery in left:
            assert mine.outbox.settle(delivery, Stored(), mine.now)

    threads = [threading.Thread(target=deliver, args=(name,)) for name in ("pacs", "ris")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {state(table, job_id) for job_id in ids} == {JobState.DONE}


def test_a_destination_sees_its_own_deliveries_alone(table: Table) -> None:
    """One that is down holds up no other."""
    table.analyse(destinations=("pacs", "ris"))
    assert {d.destination for d in table.take("pacs")} == {"pacs"}
    assert len(table.take("ris")) == 2


def test_what_waits_is_counted_by_destination(table: Table) -> None:
    """Settled deliveries wait for nobody."""
    table.analyse(destinations=("pacs", "ris"))
    first, _ = table.take("pacs")
    table.outbox.settle(first, Stored(), table.now)
    assert table.desk.waiting() == {"pacs": 1, "ris": 2}


def test_a_delivery_that_failed_for_now_waits_and_counts(table: Table) -> None:
    """The attempt is counted at the claim, the wait is kept."""
    table.analyse()
    first = table.take()[0]
    table.outbox.settle(first, RetryAt(table.now + timedelta(seconds=10), "A700"), table.now)
    table.later(9)
    assert first.id not in [d.id for d in table.take()]
    table.later(1)
    (again,) = table.take()
    assert (again.id, again.attempt, again.error) == (first.id, 2, "A700")


def test_a_refused_result_fails_its_job_and_can_be_sent_again(table: Table) -> None:
    """No job counts as done that its PACS refused; the operator sends it anew."""
    job_id = table.analyse()
    refused, stored = table.take()
    table.outbox.settle(refused, Failed("0x0122"), table.now)
    assert state(table, job_id) is JobState.ANALYSED
    table.outbox.settle(stored, Stored(), table.now)
    assert state(table, job_id) is JobState.FAILED
    assert table.desk.retry(job_id, "operator:me", table.now) is JobState.ANALYSED
    (again,) = table.take()
    assert (again.id, again.attempt) == (refused.id, 1)
    table.outbox.settle(again, Stored(), table.now)
    assert state(table, job_id) is JobState.DONE


def test_rescue_sends_again_what_a_dead_courier_held(table: Table) -> None:
    """A result is not lost with the process that carried it."""
    job_id = table.analyse()
    table.take()
    table.later(LEASE.total_seconds() + 1)
    assert table.care.rescue(table.now) == 2
    assert states(table, job_id) == [DeliveryState.PENDING] * 2


def test_a_commitment_report_delivers_what_it_names(table: Table) -> None:
    """Committed is delivered; the rest goes on waiting."""
    job_id = table.analyse()
    await_commitment(table, job_id)
    first, second = table.desk.show(job_id).deliveries
    report = CommitmentReport("2.25.9", (first.sop_instance_uid,), {})
    assert table.intake.report_commitment(report, table.now) == 1
    assert states(table, job_id) == [DeliveryState.DELIVERED, DeliveryState.AWAITING_COMMITMENT]
    report = CommitmentReport("2.25.9", (second.sop_instance_uid,), {})
    assert table.intake.report_commitment(report, table.now) == 1
    assert state(table, job_id) is JobState.DONE


def test_what_is_not_committed_is_sent_again_alone(table: Table) -> None:
    """0x0112 for one object: that one object goes back in line."""
    job_id = table.analyse()
    await_commitment(table, job_id)
    first, second = table.desk.show(job_id).deliveries
    failed = {second.sop_instance_uid: 0x0112}
    report = CommitmentReport("2.25.9", (first.sop_instance_uid,), failed)
    assert table.intake.report_commitment(report, table.now) == 2
    assert states(table, job_id) == [DeliveryState.DELIVERED, DeliveryState.PENDING]
    table.later(60)
    (again,) = table.take()
    assert again.id == second.id
    assert "0x0112" in again.error


def test_a_late_report_of_an_old_transaction_changes_nothing(table: Table) -> None:
    """After a time-out the object is on its way again under a new transaction."""
    job_id = table.analyse()
    await_commitment(table, job_id)
    first, second = table.desk.show(job_id).deliveries
    table.later(601)
    assert table.care.expire_commitments(table.now) == 2
    both = (first.sop_instance_uid, second.sop_instance_uid)
    assert table.intake.report_commitment(CommitmentReport("2.25.9", both, {}), table.now) == 0
    assert states(table, job_id) == [DeliveryState.PENDING] * 2


def test_a_commitment_that_is_not_due_yet_is_left_alone(table: Table) -> None:
    """A PACS has the time that the configuration gives it."""
    job_id = table.analyse()
    await_commitment(table, job_id)
    table.later(599)
    assert table.care.expire_commitments(table.now) == 0
    assert table.care.rescue(table.now) == 0
    assert states(table, job_id) == [DeliveryState.AWAITING_COMMITMENT] * 2


def test_commitments_refused_for_ever_fail(table: Table) -> None:
    """Attempts are bounded: the operator gets to see it."""
    job_id = table.analyse()
    for _ in range(4):
        await_commitment(table, job_id)
        table.later(601)
        table.care.expire_commitments(table.now)
        table.later(601)
    assert states(table, job_id) == [DeliveryState.FAILED] * 2
    assert state(table, job_id) is JobState.FAILED


def test_bytes_are_spent_only_when_the_job_is_final_and_old(table: Table) -> None:
    """Nothing is purged before its delivery is final and its retention over."""
    job_id = table.analyse()
    table.later(10_000)
    assert table.care.spend_keys(table.now, table.now) == []
    for delivery in table.take():
        table.outbox.settle(delivery, Stored(), table.now)
    assert table.care.spend_keys(table.now, table.now) == []
    done = table.now
    table.later(1)
    assert table.care.spend_keys(table.now, done) == ["films/1"]
    assert table.care.spend_keys(table.now, table.now) == ["h1", "r1"]
    assert table.care.spend_keys(table.now, table.now) == []
    assert table.care.purge_rows(table.now) == 1
    with pytest.raises(Permanent, match="no job"):
        table.desk.find(str(job_id))


def test_every_move_is_on_record(table: Table) -> None:
    """Who moved what, when and why can be read afterwards."""
    job_id = table.analyse()
    for delivery in table.take():
        table.outbox.settle(delivery, Stored(), table.now)
    moves = [(h.event, h.state) for h in table.desk.show(job_id).history if h.delivery_id is None]
    assert moves == [
        ("receive", "RECEIVED"),
        ("claim", "ANALYSING"),
        ("analyse", "ANALYSED"),
        ("finish", "DONE"),
    ]


def test_the_operator_can_cancel_what_waits_and_nothing_else(table: Table) -> None:
    """A job under way or done is not cancelled, and the message says why."""
    done = table.analyse(1, destinations=())
    waiting = table.receive(2)
    assert table.desk.cancel(waiting, "operator:me", table.now) is JobState.CANCELLED
    assert table.claim() == []
    with pytest.raises(Permanent, match="DONE: only a RECEIVED or FAILED job"):
        table.desk.cancel(done, "operator:me", table.now)


def test_a_failed_analysis_starts_anew_with_all_its_attempts(table: Table) -> None:
    """`jobs retry` on a film that was never scored scores it."""
    job_id = table.receive()
    table.queue.settle(table.claim()[0], Failed("broken bundle"), table.now)
    assert table.desk.retry(job_id, "operator:me", table.now) is JobState.RECEIVED
    assert [job.attempt for job in table.claim()] == [1]


def test_a_database_without_tables_names_the_remedy(database_url: str) -> None:
    """An empty database is no riddle."""
    with pytest.raises(Permanent, match="osteoscreen db upgrade"):
        Table(open_engine(database_url)).receive()


def test_a_database_that_is_away_is_transient() -> None:
    """What waits for a database is tried again, not given up."""
    with pytest.raises(Transient, match="does not answer"):
        Table(open_engine("postgresql://nobody@127.0.0.1:1/none")).receive()


def test_a_purge_goes_on_until_nothing_is_left(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many films there are, and however few of them a statement takes."""
    monkeypatch.setattr("node.jobs.maintenance._PURGED_AT_ONCE", 2)
    spool = FileSpool(tmp_path, Reserve(0, 0))
    spool.prepare()
    for number in range(1, 6):
        key = spool.store_result(bytes([number]))
        assert table.intake.receive(film(number), Refused(Reason.VIEW, "lateral"), key, table.now)
    table.later(100)
    keeping = RetentionPeriods(films=timedelta(seconds=1), results=timedelta(0), rows=timedelta(0))
    adopter = OrphanRecovery(table.care, table.intake, spool, AdmissionPolicy(), lambda: table.now)
    MaintenanceTasks(table.care, spool, adopter, keeping, 500, lambda: table.now).purge()
    assert list(tmp_path.rglob("*.dcm")) == []
    assert table.desk.recent((), 10) == []
