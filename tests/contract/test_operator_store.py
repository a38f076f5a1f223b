"""An operator can resend and reanalyse, on SQLite and PostgreSQL."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from node.domain.errors import Permanent
from node.domain.workflow.delivery import (
    Delivery,
    DeliveryState,
    PlannedDelivery,
    ResultKind,
    ResultReference,
    Stored,
)
from node.domain.workflow.job import Analysed, Job, JobState
from node.domain.workflow.retry import Failed
from tests.contract.conftest import VERDICT, Table, result, results

ME = "operator:me"


def deliver(table: Table, destination: str = "pacs") -> Sequence[Delivery]:
    """Deliver every pending result of a destination."""
    claimed = table.take(destination)
    for delivery in claimed:
        assert table.deliveries.settle(delivery, Stored(), table.now)
    return claimed


def finished_job(table: Table, destinations: tuple[str, ...] = ("pacs",), number: int = 1) -> int:
    """Return a job that is DONE."""
    job_id = table.analyse(number, destinations)
    for destination in destinations:
        deliver(table, destination)
    return job_id


def analyse_again(table: Table, report: str) -> Job:
    """Score the waiting film again, with a report of this UID."""
    (job,) = table.claim()
    built = result(ResultKind.REPORT, report, f"key-{report}")
    assert table.queue.settle(job, Analysed(VERDICT, (PlannedDelivery("pacs", built),)), table.now)
    return job


def expire(table: Table, *, films: bool = True) -> None:
    """End the retention of results and, unless `films` is False, of films."""
    later = table.now + timedelta(seconds=1)
    assert table.maintenance.clear_expired_keys(later if films else table.now, later)


def states(table: Table, job_id: int) -> list[tuple[str, DeliveryState]]:
    return [(d.destination, d.state) for d in table.operator.show(job_id).deliveries]


def test_the_same_results_are_sent_again(table: Table) -> None:
    """UIDs and bytes are unchanged, and the attempts start again at 0."""
    job_id = finished_job(table)
    first = table.operator.show(job_id).deliveries
    assert table.operator.resend(job_id, ME, table.now, "") is JobState.ANALYSED
    again = deliver(table)
    assert [(d.sop_instance_uid, d.spool_key, d.attempt) for d in again] == [
        (d.sop_instance_uid, d.spool_key, 1) for d in first
    ]
    assert table.operator.show(job_id).job.state is JobState.DONE


def test_results_are_sent_again_to_one_destination(table: Table) -> None:
    job_id = finished_job(table, ("pacs", "research"))
    table.operator.resend(job_id, ME, table.now, "research")
    assert table.take("pacs") == []
    assert len(table.take("research")) == 2


def test_a_pending_delivery_is_not_sent_twice(table: Table) -> None:
    """A delivered object is sent again, and a pending object is sent once."""
    job_id = table.analyse()
    claimed_delivery, waiting = table.take()
    table.deliveries.settle(claimed_delivery, Stored(), table.now)
    assert table.operator.resend(job_id, ME, table.now, "") is JobState.ANALYSED
    assert [d.id for d in table.take()] == [claimed_delivery.id]
    assert table.deliveries.settle(waiting, Stored(), table.now)


def test_deleted_results_are_not_sent_again(table: Table) -> None:
    job_id = finished_job(table)
    expire(table)
    with pytest.raises(Permanent, match="build them again with: osteoscreen jobs reanalyse"):
        table.operator.resend(job_id, ME, table.now, "")
    assert table.operator.show(job_id).job.state is JobState.DONE


def test_deleted_results_can_be_built_again_and_sent(table: Table) -> None:
    """The error message about deleted results recommends `jobs reanalyse`."""
    job_id = finished_job(table)
    expire(table, films=False)
    table.operator.reanalyse(job_id, ME, table.now)
    (job,) = table.claim()
    planned = tuple(PlannedDelivery("pacs", item) for item in results())
    assert table.queue.settle(job, Analysed(VERDICT, planned), table.now)
    table.operator.resend(job_id, ME, table.now, "")
    assert [d.spool_key for d in table.take()] == ["r1", "h1"]


def test_a_resend_during_a_purge_never_loses_the_bytes(
    open_table: Callable[[], Table],
) -> None:
    """Either the bytes are kept, or the resend is refused."""
    table = open_table()
    ids = [finished_job(table, number=number) for number in range(1, 25)]
    start, refused = threading.Barrier(2), []

    def purge() -> None:
        mine = open_table()
        start.wait()
        later = mine.now + timedelta(seconds=1)
        mine.maintenance.clear_expired_keys(later, later)

    def resend() -> None:
        mine = open_table()
        start.wait()
        for job_id in ids:
            try:
                mine.operator.resend(job_id, ME, mine.now, "")
            except Permanent:
                refused.append(job_id)

    threads = [threading.Thread(target=item) for item in (purge, resend)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job_id in ids:
        job_detail = table.operator.show(job_id)
        has_key = {bool(item.spool_key) for item in job_detail.deliveries}
        scheduled = job_detail.job.state is JobState.ANALYSED
        assert scheduled is (job_id not in refused)
        assert has_key == {scheduled}


@pytest.mark.parametrize("destination", ["", "elsewhere"])
def test_a_job_without_settled_deliveries_is_not_sent_again(table: Table, destination: str) -> None:
    job_id = table.receive()
    with pytest.raises(Permanent, match="no settled delivery"):
        table.operator.resend(job_id, ME, table.now, destination)


def test_a_reanalysis_lists_the_earlier_reports(table: Table) -> None:
    """The oldest report comes first. A report for several destinations is listed once."""
    job_id = finished_job(table, ("pacs", "research"))
    assert table.operator.reanalyse(job_id, ME, table.now) is JobState.RECEIVED
    first = ResultReference("1.2.840.10008.5.1.4.1.1.88.34", "2.25.11", "2.25.11.9")
    assert analyse_again(table, "2.25.7").reports == (first,)
    deliver(table)
    assert table.operator.show(job_id).job.state is JobState.DONE
    table.operator.reanalyse(job_id, ME, table.now)
    second = ResultReference("1.2.840.10008.5.1.4.1.1.88.34", "2.25.7", "2.25.7.9")
    assert analyse_again(table, "2.25.8").reports == (first, second)


def test_a_reanalysis_with_the_same_result_sends_nothing(table: Table) -> None:
    """The job is DONE again without new deliveries."""
    job_id = finished_job(table)
    table.operator.reanalyse(job_id, ME, table.now)
    analyse_again(table, "2.25.11")
    assert table.take() == []
    assert table.operator.show(job_id).job.state is JobState.DONE


def test_a_reanalysis_removes_failed_deliveries(table: Table) -> None:
    """The failed delivery of a replaced result must not keep the job FAILED."""
    job_id = table.analyse()
    for delivery in table.take():
        table.deliveries.settle(delivery, Failed("0x0122"), table.now)
    assert table.operator.show(job_id).job.state is JobState.FAILED
    table.operator.reanalyse(job_id, ME, table.now)
    assert analyse_again(table, "2.25.7").reports == ()
    deliver(table)
    assert states(table, job_id) == [("pacs", DeliveryState.DELIVERED)]
    assert table.operator.show(job_id).job.state is JobState.DONE


def test_a_deleted_or_unfinished_film_is_not_scored_again(table: Table) -> None:
    job_id = table.analyse()
    with pytest.raises(Permanent, match="ANALYSED: only a DONE or FAILED job"):
        table.operator.reanalyse(job_id, ME, table.now)
    deliver(table)
    expire(table)
    with pytest.raises(Permanent, match=r"deleted after retention\.films"):
        table.operator.reanalyse(job_id, ME, table.now)


def test_the_history_records_the_operator(table: Table) -> None:
    job_id = finished_job(table)
    table.operator.resend(job_id, ME, table.now, "")
    deliver(table)
    table.operator.reanalyse(job_id, ME, table.now)
    happened = [(h.event, h.actor) for h in table.operator.show(job_id).history if h.actor == ME]
    assert happened.count(("resend", ME)) == 3  # for the job, and for each of its two results
    assert happened[-1] == ("reanalyse", ME)
