"""The operator sends again and scores again, on both databases."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from node.domain.errors import Permanent
from node.domain.workflow.delivery import (
    Delivery,
    DeliveryState,
    PlannedDelivery,
    Reference,
    ResultKind,
    Stored,
)
from node.domain.workflow.job import Analysed, Job, JobState
from node.domain.workflow.retry import Failed
from tests.contract.conftest import VERDICT, Table, result, results

ME = "operator:me"


def deliver(table: Table, destination: str = "pacs") -> Sequence[Delivery]:
    """Send what waits for a destination."""
    taken = table.take(destination)
    for delivery in taken:
        assert table.outbox.settle(delivery, Stored(), table.now)
    return taken


def done(table: Table, destinations: tuple[str, ...] = ("pacs",), number: int = 1) -> int:
    """Return a job all of whose results were sent."""
    job_id = table.analyse(number, destinations)
    for destination in destinations:
        deliver(table, destination)
    return job_id


def analyse_again(table: Table, report: str) -> Job:
    """Score the one film that waits; its report has this UID."""
    (job,) = table.claim()
    made = result(ResultKind.REPORT, report, f"key-{report}")
    assert table.queue.settle(job, Analysed(VERDICT, (PlannedDelivery("pacs", made),)), table.now)
    return job


def spend(table: Table, *, films: bool = True) -> None:
    """Let maintenance purge the results of what is done, and its films."""
    later = table.now + timedelta(seconds=1)
    assert table.care.spend_keys(later if films else table.now, later)


def states(table: Table, job_id: int) -> list[tuple[str, DeliveryState]]:
    return [(d.destination, d.state) for d in table.desk.show(job_id).deliveries]


def test_results_are_sent_again_as_they_are(table: Table) -> None:
    """The very same objects from the very same bytes, with all their attempts."""
    job_id = done(table)
    first = table.desk.show(job_id).deliveries
    assert table.desk.resend(job_id, ME, table.now, "") is JobState.ANALYSED
    again = deliver(table)
    assert [(d.sop_instance_uid, d.spool_key, d.attempt) for d in again] == [
        (d.sop_instance_uid, d.spool_key, 1) for d in first
    ]
    assert table.desk.show(job_id).job.state is JobState.DONE


def test_results_are_sent_again_to_one_destination_alone(table: Table) -> None:
    job_id = done(table, ("pacs", "research"))
    table.desk.resend(job_id, ME, table.now, "research")
    assert table.take("pacs") == []
    assert len(table.take("research")) == 2


def test_what_is_under_way_is_not_sent_twice(table: Table) -> None:
    """A delivered object goes again; the one that still waits goes once."""
    job_id = table.analyse()
    sent, waiting = table.take()
    table.outbox.settle(sent, Stored(), table.now)
    assert table.desk.resend(job_id, ME, table.now, "") is JobState.ANALYSED
    assert [d.id for d in table.take()] == [sent.id]
    assert table.outbox.settle(waiting, Stored(), table.now)


def test_results_that_are_gone_are_not_sent_again(table: Table) -> None:
    job_id = done(table)
    spend(table)
    with pytest.raises(Permanent, match="osteoscreen jobs reanalyse builds them anew"):
        table.desk.resend(job_id, ME, table.now, "")
    assert table.desk.show(job_id).job.state is JobState.DONE


def test_results_that_are_gone_can_be_built_anew_and_then_sent(table: Table) -> None:
    """The remedy that the refusal names."""
    job_id = done(table)
    spend(table, films=False)
    table.desk.reanalyse(job_id, ME, table.now)
    (job,) = table.claim()
    sent = tuple(PlannedDelivery("pacs", one) for one in results())
    assert table.queue.settle(job, Analysed(VERDICT, sent), table.now)
    table.desk.resend(job_id, ME, table.now, "")
    assert [d.spool_key for d in table.take()] == ["r1", "h1"]


def test_a_result_that_is_sent_again_while_maintenance_purges_has_its_bytes(
    open_table: Callable[[], Table],
) -> None:
    """It goes with them, or is refused at once: never a delivery whose bytes are gone."""
    table = open_table()
    ids = [done(table, number=number) for number in range(1, 25)]
    start, refused = threading.Barrier(2), []

    def purge() -> None:
        mine = open_table()
        start.wait()
        later = mine.now + timedelta(seconds=1)
        mine.care.spend_keys(later, later)

    def resend() -> None:
        mine = open_table()
        start.wait()
        for job_id in ids:
            try:
                mine.desk.resend(job_id, ME, mine.now, "")
            except Permanent:
                refused.append(job_id)

    threads = [threading.Thread(target=one) for one in (purge, resend)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job_id in ids:
        dossier = table.desk.show(job_id)
        there = {bool(one.spool_key) for one in dossier.deliveries}
        asked = dossier.job.state is JobState.ANALYSED
        assert asked is (job_id not in refused)
        assert there == {asked}


@pytest.mark.parametrize("destination", ["", "elsewhere"])
def test_where_nothing_was_sent_nothing_is_sent_again(table: Table, destination: str) -> None:
    job_id = table.receive()
    with pytest.raises(Permanent, match="nothing was sent"):
        table.desk.resend(job_id, ME, table.now, destination)


def test_a_film_is_scored_again_and_its_analyst_knows_the_earlier_reports(table: Table) -> None:
    """Oldest first, each once however many destinations got it."""
    job_id = done(table, ("pacs", "research"))
    assert table.desk.reanalyse(job_id, ME, table.now) is JobState.RECEIVED
    first = Reference("1.2.840.10008.5.1.4.1.1.88.34", "2.25.11", "2.25.11.9")
    assert analyse_again(table, "2.25.7").reports == (first,)
    deliver(table)
    assert table.desk.show(job_id).job.state is JobState.DONE
    table.desk.reanalyse(job_id, ME, table.now)
    second = Reference("1.2.840.10008.5.1.4.1.1.88.34", "2.25.7", "2.25.7.9")
    assert analyse_again(table, "2.25.8").reports == (first, second)


def test_a_film_whose_score_is_unchanged_is_done_again_at_once(table: Table) -> None:
    """The same objects are not posted a second time."""
    job_id = done(table)
    table.desk.reanalyse(job_id, ME, table.now)
    analyse_again(table, "2.25.11")
    assert table.take() == []
    assert table.desk.show(job_id).job.state is JobState.DONE


def test_what_was_refused_is_not_asked_for_once_the_film_is_scored_again(table: Table) -> None:
    """Else the job would stay FAILED for the sake of results that others have replaced."""
    job_id = table.analyse()
    for delivery in table.take():
        table.outbox.settle(delivery, Failed("0x0122"), table.now)
    assert table.desk.show(job_id).job.state is JobState.FAILED
    table.desk.reanalyse(job_id, ME, table.now)
    assert analyse_again(table, "2.25.7").reports == ()
    deliver(table)
    assert states(table, job_id) == [("pacs", DeliveryState.DELIVERED)]
    assert table.desk.show(job_id).job.state is JobState.DONE


def test_a_film_that_is_gone_or_under_way_is_not_scored_again(table: Table) -> None:
    job_id = table.analyse()
    with pytest.raises(Permanent, match="ANALYSED: only a DONE or FAILED job"):
        table.desk.reanalyse(job_id, ME, table.now)
    deliver(table)
    spend(table)
    with pytest.raises(Permanent, match=r"gone after retention\.films"):
        table.desk.reanalyse(job_id, ME, table.now)


def test_who_did_it_is_on_record(table: Table) -> None:
    job_id = done(table)
    table.desk.resend(job_id, ME, table.now, "")
    deliver(table)
    table.desk.reanalyse(job_id, ME, table.now)
    happened = [(h.event, h.who) for h in table.desk.show(job_id).history if h.who == ME]
    assert happened.count(("resend", ME)) == 3  # the job, and each of its two results
    assert happened[-1] == ("reanalyse", ME)
