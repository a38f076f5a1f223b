"""The scoring queue works on SQLite and PostgreSQL."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from node.domain.admission.header_rules import Admitted, Refused
from node.domain.admission.reasons import Reason
from node.domain.workflow.job import Analysed, JobState, NotScored
from node.domain.workflow.retry import Failed, RetryAt
from tests.contract.conftest import LEASE, VERDICT, Table, film, results


def test_a_claimed_job_has_all_attributes_of_its_film(table: Table) -> None:
    """The scoring worker gets the film as ingest described it."""
    job_id = table.receive()
    job = table.operator.show(job_id).job
    assert (job.state, job.film, job.attempt) == (JobState.RECEIVED, film(), 0)
    assert job.received_at == table.now


def test_the_same_film_twice_is_one_job(table: Table) -> None:
    """A repeated transfer of a film creates no second job."""
    job_id = table.receive()
    assert not table.intake.receive(film(), Admitted(), "films/1", table.later(5))
    assert [job.id for job in table.operator.recent((), 10)] == [job_id]


def test_other_bytes_under_an_old_uid_are_a_new_job(table: Table) -> None:
    """A corrected film with the same UID is scored again."""
    table.receive()
    assert table.intake.receive(film(digest="f" * 64), Admitted(), "films/2", table.now)
    assert len(table.claim()) == 2


def test_a_refused_film_is_kept_with_its_reason_and_never_claimed(table: Table) -> None:
    """An operator can list the refused film, and no worker scores it."""
    refused = Refused(Reason.VIEW, "View Position is LL")
    table.intake.receive(film(), refused, "films/1", table.now)
    (job,) = table.operator.recent((JobState.REJECTED,), 10)
    assert (job.reason, job.error) == ("view", "View Position is LL")
    assert table.claim() == []


def test_a_claim_counts_the_attempt_and_excludes_other_workers(table: Table) -> None:
    """No other worker gets the film while its lease is valid."""
    table.receive()
    (job,) = table.claim("w1")
    assert (job.state, job.attempt, job.worker) == (JobState.ANALYSING, 1, "w1")
    assert table.claim("w2") == []


def test_a_claim_takes_the_oldest_jobs_up_to_its_limit(table: Table) -> None:
    """Jobs are claimed in the order of their receipt."""
    ids = []
    for number in (1, 2, 3):
        ids.append(table.receive(number))
        table.later(1)
    assert [job.id for job in table.claim(limit=2)] == ids[:2]


def test_a_film_that_lost_its_worker_is_claimed_alone(table: Table) -> None:
    """A film may crash its worker again; films in the same claim would also lose an attempt."""
    first = table.receive(1)
    table.claim("w1")
    table.later(LEASE.total_seconds() + 1)
    assert table.maintenance.release_expired_leases(table.now) == 1
    remaining = [table.receive(number) for number in (2, 3)]
    assert [job.id for job in table.claim("w2")] == [first]
    assert [job.id for job in table.claim("w2")] == remaining


def test_new_films_do_not_wait_for_a_retry(table: Table) -> None:
    """A retry is claimed alone, never together with new films."""
    new = table.receive(1)
    failing = table.receive(2)
    jobs = table.claim("w1")
    for job in jobs:
        table.queue.settle(job, RetryAt(table.later(1), "no memory"), table.now)
    newest = table.receive(3)
    assert [job.id for job in table.claim("w2")] == [new]
    assert [job.id for job in table.claim("w2")] == [failing]
    assert [job.id for job in table.claim("w2")] == [newest]


def test_concurrent_workers_never_share_a_film(open_table: Callable[[], Table]) -> None:
    """Four workers with their own connections claim each of forty films once."""
    table = open_table()
    for number in range(1, 41):
        table.receive(number)
    claimed: list[int] = []
    start = threading.Barrier(4)

    def work(name: str) -> None:
        mine = open_table()
        start.wait()
        while jobs := mine.claim(name, limit=3):
            claimed.extend(job.id for job in jobs)

    workers = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(Counter(claimed).values()) == [1] * 40


def test_a_settled_analysis_stores_its_verdict_and_deliveries(table: Table) -> None:
    """One transaction makes score, decision and deliveries durable."""
    job_id = table.analyse(destinations=("pacs", "ris"))
    job_detail = table.operator.show(job_id)
    assert job_detail.job.state is JobState.ANALYSED
    assert job_detail.job.verdict == VERDICT
    assert {(d.destination, d.kind, d.sop_instance_uid) for d in job_detail.deliveries} == {
        (where, result.kind, result.sop_instance_uid)
        for where in ("pacs", "ris")
        for result in results()
    }


def test_a_job_without_deliveries_is_done_when_it_is_scored(table: Table) -> None:
    """The job has no deliveries, because no destination receives its results."""
    job_id = table.analyse(destinations=())
    assert table.operator.show(job_id).job.state is JobState.DONE


def test_a_film_can_be_rejected_because_of_its_pixels(table: Table) -> None:
    """The job of the film is REJECTED, and its reason is stored."""
    job_id = table.receive()
    table.queue.settle(table.claim()[0], NotScored("pixels", "the image is blank"), table.now)
    job = table.operator.show(job_id).job
    assert (job.state, job.reason, job.error) == (JobState.REJECTED, "pixels", "the image is blank")


def test_a_retry_waits_for_its_time(table: Table) -> None:
    """The job cannot be claimed before the time of its retry."""
    table.receive()
    (job,) = table.claim()
    table.queue.settle(job, RetryAt(table.now + timedelta(seconds=30), "busy"), table.now)
    table.later(29)
    assert table.claim() == []
    table.later(1)
    assert [again.attempt for again in table.claim()] == [2]


def test_a_failure_keeps_its_error_and_is_not_claimed(table: Table) -> None:
    """A FAILED job waits for an operator."""
    job_id = table.receive()
    table.queue.settle(table.claim()[0], Failed("decoder: out of data"), table.now)
    job = table.operator.show(job_id).job
    assert (job.state, job.error) == (JobState.FAILED, "decoder: out of data")
    assert table.claim() == []


def test_a_lost_lease_settles_nothing(table: Table) -> None:
    """A worker whose lease expired cannot overwrite the result of the next worker."""
    job_id = table.receive()
    (old,) = table.claim("w1")
    table.later(LEASE.total_seconds() + 1)
    table.maintenance.release_expired_leases(table.now)
    table.claim("w2")
    assert not table.queue.settle(old, Failed("too late"), table.now)
    job = table.operator.show(job_id).job
    assert (job.state, job.worker, job.error != "too late") == (JobState.ANALYSING, "w2", True)


def test_settling_again_changes_nothing(table: Table) -> None:
    """After a worker has settled the job, it no longer holds the lease."""
    table.receive()
    (job,) = table.claim()
    outcome = Analysed(VERDICT, ())
    assert [table.queue.settle(job, outcome, table.now) for _ in range(2)] == [True, False]


def test_a_renewed_lease_does_not_expire(table: Table) -> None:
    """A worker that renews its lease has unlimited time."""
    table.receive()
    jobs = table.claim()
    table.later(50)
    assert table.queue.renew(jobs, table.now + LEASE) == 1
    table.later(50)
    assert table.maintenance.release_expired_leases(table.now) == 0


def test_a_film_is_scheduled_again_until_its_attempts_are_exhausted(table: Table) -> None:
    """A film that ends its worker in each attempt is FAILED, with the reason."""
    job_id = table.receive()
    for attempt in (1, 2, 3):
        assert [job.attempt for job in table.claim()] == [attempt]
        table.later(LEASE.total_seconds() + 1)
        assert table.maintenance.release_expired_leases(table.now) == 1
    job = table.operator.show(job_id).job
    assert job.state is JobState.FAILED
    assert "lease expired" in job.error
    assert table.claim() == []
