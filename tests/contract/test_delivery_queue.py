"""The delivery queue has deliveries, commitment reports and retention, on both databases."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from node.config.sections import RetentionSection
from node.domain.admission.header_rules import Refused
from node.domain.admission.reasons import Reason
from node.domain.errors import Permanent, Transient
from node.domain.hysteresis import DiskReserve
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
from node.maintenance.tasks import MaintenanceTasks
from node.spool.store import FileSpool
from tests.contract.conftest import LEASE, Table, film
from tests.support.policies import make_admission_policy


def states(table: Table, job_id: int) -> list[DeliveryState]:
    """Return the states of a job's deliveries."""
    return [delivery.state for delivery in table.operator.show(job_id).deliveries]


def state(table: Table, job_id: int) -> JobState:
    """Return a job's state."""
    return table.operator.show(job_id).job.state


def await_commitment(table: Table, job_id: int) -> None:
    """Store both results of a job, so that they wait for the report of transaction 2.25.9."""
    due = AwaitCommitment("2.25.9", table.now + timedelta(seconds=600))
    for delivery in table.take():
        assert table.deliveries.settle(delivery, due, table.now)
    assert states(table, job_id) == [DeliveryState.AWAITING_COMMITMENT] * 2


def test_a_job_is_done_with_its_last_delivery(table: Table) -> None:
    """The job is ANALYSED until every destination has received every result."""
    job_id = table.analyse(destinations=("pacs", "ris"))
    for delivery in table.take("pacs"):
        table.deliveries.settle(delivery, Stored(), table.now)
    assert state(table, job_id) is JobState.ANALYSED
    for delivery in table.take("ris"):
        table.deliveries.settle(delivery, Stored(), table.now)
    assert state(table, job_id) is JobState.DONE


def test_a_claimed_delivery_has_the_study_uid_of_its_film(table: Table) -> None:
    """The audit trail needs the study UID, which the row of the delivery does not contain."""
    for number in (1, 2):
        table.analyse(number)
    studies = {claimed.job_id: claimed.study_instance_uid for claimed in table.take()}
    assert studies == {1: "1.2.4.1", 2: "1.2.4.2"}


def test_the_last_two_deliveries_may_settle_together(open_table: Callable[[], Table]) -> None:
    """Two workers settle the last deliveries at once, and one of the workers ends the job."""
    table = open_table()
    ids = [table.analyse(number, ("pacs", "ris")) for number in range(1, 9)]
    for delivery in table.take("pacs", 100) + table.take("ris", 100):
        if delivery.kind is ResultKind.REPORT:
            table.deliveries.settle(delivery, Stored(), table.now)
    start = threading.Barrier(2)

    def deliver(destination: str) -> None:
        mine = open_table()
        pending = [
            d
            for job_id in ids
            for d in mine.operator.show(job_id).deliveries
            if d.destination == destination and d.state is DeliveryState.SENDING
        ]
        start.wait()
        for delivery in pending:
            assert mine.deliveries.settle(delivery, Stored(), mine.now)

    threads = [threading.Thread(target=deliver, args=(name,)) for name in ("pacs", "ris")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {state(table, job_id) for job_id in ids} == {JobState.DONE}


def test_a_worker_claims_deliveries_of_its_destination_only(table: Table) -> None:
    """A destination that is down does not delay the others."""
    table.analyse(destinations=("pacs", "ris"))
    assert {d.destination for d in table.take("pacs")} == {"pacs"}
    assert len(table.take("ris")) == 2


def test_open_deliveries_are_counted_by_destination(table: Table) -> None:
    """Settled deliveries are not counted."""
    table.analyse(destinations=("pacs", "ris"))
    first, _ = table.take("pacs")
    table.deliveries.settle(first, Stored(), table.now)
    assert table.operator.open_deliveries() == {"pacs": 1, "ris": 2}


def test_a_retry_waits_and_counts_its_attempt(table: Table) -> None:
    """The attempt of a delivery is counted at the claim."""
    table.analyse()
    first = table.take()[0]
    table.deliveries.settle(first, RetryAt(table.now + timedelta(seconds=10), "A700"), table.now)
    table.later(9)
    assert first.id not in [d.id for d in table.take()]
    table.later(1)
    (again,) = table.take()
    assert (again.id, again.attempt, again.error) == (first.id, 2, "A700")


def test_a_refused_result_fails_its_job_and_can_be_sent_again(table: Table) -> None:
    """After the refusal the job is FAILED, and an operator can retry the job."""
    job_id = table.analyse()
    refused, stored = table.take()
    table.deliveries.settle(refused, Failed("0x0122"), table.now)
    assert state(table, job_id) is JobState.ANALYSED
    table.deliveries.settle(stored, Stored(), table.now)
    assert state(table, job_id) is JobState.FAILED
    assert table.operator.retry(job_id, "operator:me", table.now) is JobState.ANALYSED
    (again,) = table.take()
    assert (again.id, again.attempt) == (refused.id, 1)
    table.deliveries.settle(again, Stored(), table.now)
    assert state(table, job_id) is JobState.DONE


def test_deliveries_of_a_dead_worker_are_sent_again(table: Table) -> None:
    """A result is not lost if its delivery worker ends."""
    job_id = table.analyse()
    table.take()
    table.later(LEASE.total_seconds() + 1)
    assert table.maintenance.release_expired_leases(table.now) == 2
    assert states(table, job_id) == [DeliveryState.PENDING] * 2


def test_a_commitment_report_settles_the_objects_that_it_names(table: Table) -> None:
    """A committed object is DELIVERED, and the other object waits for its report."""
    job_id = table.analyse()
    await_commitment(table, job_id)
    first, second = table.operator.show(job_id).deliveries
    report = CommitmentReport("2.25.9", (first.sop_instance_uid,), {})
    assert table.intake.report_commitment(report, table.now) == 1
    assert states(table, job_id) == [DeliveryState.DELIVERED, DeliveryState.AWAITING_COMMITMENT]
    report = CommitmentReport("2.25.9", (second.sop_instance_uid,), {})
    assert table.intake.report_commitment(report, table.now) == 1
    assert state(table, job_id) is JobState.DONE


def test_an_object_that_was_not_committed_is_sent_again(table: Table) -> None:
    """The failure reason 0x0112 for one object schedules that object only."""
    job_id = table.analyse()
    await_commitment(table, job_id)
    first, second = table.operator.show(job_id).deliveries
    failed = {second.sop_instance_uid: 0x0112}
    report = CommitmentReport("2.25.9", (first.sop_instance_uid,), failed)
    assert table.intake.report_commitment(report, table.now) == 2
    assert states(table, job_id) == [DeliveryState.DELIVERED, DeliveryState.PENDING]
    table.later(60)
    (again,) = table.take()
    assert again.id == second.id
    assert "0x0112" in again.error


def test_a_late_report_of_an_old_transaction_changes_nothing(table: Table) -> None:
    """After the timeout, the object is sent again under a new transaction."""
    job_id = table.analyse()
    await_commitment(table, job_id)
    first, second = table.operator.show(job_id).deliveries
    table.later(601)
    assert table.maintenance.expire_commitments(table.now) == 2
    uids = (first.sop_instance_uid, second.sop_instance_uid)
    assert table.intake.report_commitment(CommitmentReport("2.25.9", uids, {}), table.now) == 0
    assert states(table, job_id) == [DeliveryState.PENDING] * 2


def test_a_commitment_does_not_expire_early(table: Table) -> None:
    """A PACS has the configured time for its commitment report."""
    job_id = table.analyse()
    await_commitment(table, job_id)
    table.later(599)
    assert table.maintenance.expire_commitments(table.now) == 0
    assert table.maintenance.release_expired_leases(table.now) == 0
    assert states(table, job_id) == [DeliveryState.AWAITING_COMMITMENT] * 2


def test_a_commitment_that_never_comes_ends_in_failure(table: Table) -> None:
    """The number of attempts is limited, and after the last attempt the job is FAILED."""
    job_id = table.analyse()
    for _ in range(4):
        await_commitment(table, job_id)
        table.later(601)
        table.maintenance.expire_commitments(table.now)
        table.later(601)
    assert states(table, job_id) == [DeliveryState.FAILED] * 2
    assert state(table, job_id) is JobState.FAILED


def test_keys_expire_only_for_final_jobs_after_retention(table: Table) -> None:
    """No bytes are deleted before every delivery is final and the retention has ended."""
    job_id = table.analyse()
    table.later(10_000)
    assert table.maintenance.clear_expired_keys(table.now, table.now) == []
    for delivery in table.take():
        table.deliveries.settle(delivery, Stored(), table.now)
    assert table.maintenance.clear_expired_keys(table.now, table.now) == []
    finished = table.now
    table.later(1)
    assert table.maintenance.clear_expired_keys(table.now, finished) == ["films/1"]
    assert table.maintenance.clear_expired_keys(table.now, table.now) == ["h1", "r1"]
    assert table.maintenance.clear_expired_keys(table.now, table.now) == []
    assert table.maintenance.purge_rows(table.now) == 1
    with pytest.raises(Permanent, match="no job"):
        table.operator.find(str(job_id))


def test_the_history_records_every_change(table: Table) -> None:
    """The history records the actor, the time and the reason of a change."""
    job_id = table.analyse()
    for delivery in table.take():
        table.deliveries.settle(delivery, Stored(), table.now)
    moves = [
        (h.event, h.state) for h in table.operator.show(job_id).history if h.delivery_id is None
    ]
    assert moves == [
        ("receive", "RECEIVED"),
        ("claim", "ANALYSING"),
        ("analyse", "ANALYSED"),
        ("finish", "DONE"),
    ]


def test_an_operator_can_cancel_only_a_waiting_or_failed_job(table: Table) -> None:
    """For a job in another state, the message contains the state and the rule."""
    finished = table.analyse(1, destinations=())
    waiting = table.receive(2)
    assert table.operator.cancel(waiting, "operator:me", table.now) is JobState.CANCELLED
    assert table.claim() == []
    with pytest.raises(Permanent, match="DONE: only a RECEIVED or FAILED job"):
        table.operator.cancel(finished, "operator:me", table.now)


def test_a_retried_analysis_has_all_its_attempts(table: Table) -> None:
    """`jobs retry` schedules a film that was never scored."""
    job_id = table.receive()
    table.queue.settle(table.claim()[0], Failed("broken bundle"), table.now)
    assert table.operator.retry(job_id, "operator:me", table.now) is JobState.RECEIVED
    assert [job.attempt for job in table.claim()] == [1]


def test_a_database_without_tables_names_the_remedy(database_url: str) -> None:
    """The message about missing tables contains the command to run."""
    with pytest.raises(Permanent, match="osteoscreen db upgrade"):
        Table(open_engine(database_url)).receive()


def test_an_unreachable_database_is_transient() -> None:
    """The caller tries again to reach the database."""
    with pytest.raises(Transient, match="does not answer"):
        Table(open_engine("postgresql://nobody@127.0.0.1:1/none")).receive()


def test_one_purge_deletes_everything_that_has_expired(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge repeats its statement, which handles a limited number of jobs."""
    monkeypatch.setattr("node.jobs.maintenance._JOBS_PER_PURGE", 2)
    spool = FileSpool(tmp_path, DiskReserve(0, 0))
    spool.prepare()
    for number in range(1, 6):
        key = spool.store_result(bytes([number]))
        assert table.intake.receive(film(number), Refused(Reason.VIEW, "lateral"), key, table.now)
    table.later(100)
    periods = RetentionSection(films=timedelta(seconds=1), results=timedelta(0), rows=timedelta(0))
    orphans = OrphanRecovery(
        table.maintenance, table.intake, spool, make_admission_policy(), lambda: table.now
    )
    MaintenanceTasks(table.maintenance, spool, orphans, periods, 500, lambda: table.now).purge()
    assert list(tmp_path.rglob("*.dcm")) == []
    assert table.operator.recent((), 10) == []
