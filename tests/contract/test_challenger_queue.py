"""The challenger's queue works on both databases."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from node.challenger.score_queue import ChallengerQueue
from node.challenger.states import (
    ChallengerFilm,
    ChallengerScored,
    ChallengerState,
    FilmGone,
    is_chosen,
)
from node.domain.admission.header_rules import Reason, Refused
from node.domain.workflow.job import JobState, NotScored
from node.domain.workflow.retry import Failed, RetryAt
from node.jobs.engine import transaction
from tests.contract.conftest import ANALYSIS, LEASE, VERDICT, Table, film

NEXT = "cd" * 32


def challenger(table: Table, model: str = NEXT, share: float = 1.0) -> ChallengerQueue:
    return ChallengerQueue(table.engine, model, share, ANALYSIS, LEASE)


def claim(
    table: Table, worker: str = "c1", limit: int = 10, model: str = NEXT, share: float = 1.0
) -> list[ChallengerFilm]:
    return challenger(table, model, share).claim(worker, table.now, table.now + LEASE, limit)


def settle(
    table: Table, claimed: ChallengerFilm, outcome: object = ChallengerScored(VERDICT)
) -> bool:
    return challenger(table).settle(claimed, outcome, table.now)


def counts(table: Table) -> dict[ChallengerState, int]:
    return {state: count for state, count in challenger(table).counts().items() if count}


def test_an_analysed_film_is_claimed_with_its_facts(table: Table) -> None:
    """The job of an analysed film may be ANALYSED or DONE."""
    finished, analysed = table.analyse(1, ()), table.analyse(2)
    first, second = claim(table)
    assert [first.job_id, second.job_id] == [finished, analysed]
    assert (first.film, first.spool_key) == (film(1), "films/1")
    assert (first.attempt, first.worker) == (1, "c1")


def test_a_film_without_a_score_is_not_claimed(table: Table) -> None:
    """A film without a score was refused, has failed, or is in analysis."""
    table.intake.receive(film(1), Refused(Reason.VIEW, "LL"), "films/1", table.now)
    table.receive(2)
    [job] = table.claim()
    table.queue.settle(job, Failed("damaged"), table.now)
    table.receive(3)
    assert len(table.claim()) == 1
    assert claim(table) == []


def test_the_scoring_worker_has_priority(table: Table) -> None:
    """While a film is due for analysis, the challenger gets no film."""
    scored = table.analyse(1)
    table.receive(2)
    assert claim(table) == []
    [job] = table.claim()
    assert [claimed.job_id for claimed in claim(table)] == [scored]
    table.queue.settle(job, RetryAt(table.now + timedelta(hours=1), "no memory"), table.now)
    third = table.analyse(3)
    assert [claimed.job_id for claimed in claim(table)] == [third]


def test_a_film_is_scored_once_by_each_bundle(table: Table) -> None:
    table.analyse(1)
    [claimed] = claim(table)
    assert claim(table, "c2") == []
    assert settle(table, claimed)
    table.later(10_000)
    assert claim(table) == []
    assert len(claim(table, model="ef" * 32)) == 1


def test_the_oldest_films_are_claimed_up_to_the_limit(table: Table) -> None:
    ids = [table.analyse(number) for number in (1, 2, 3)]
    assert [claimed.job_id for claimed in claim(table, limit=2)] == ids[:2]
    assert [claimed.job_id for claimed in claim(table, limit=2)] == ids[2:]


def test_a_share_is_the_same_for_all_workers(table: Table) -> None:
    ids = {number: table.analyse(number) for number in range(1, 21)}
    chosen = [ids[n] for n in ids if is_chosen(film(n).sop_instance_uid, 0.3)]
    assert 0 < len(chosen) < 20
    first = [claimed.job_id for claimed in claim(table, limit=1, share=0.3)]
    assert first + [claimed.job_id for claimed in claim(table, "c2", 20, share=0.3)] == chosen
    remaining = [claimed.job_id for claimed in claim(table, limit=20)]
    assert sorted(chosen + remaining) == sorted(ids.values())


def test_a_film_whose_worker_ended_is_claimed_again_alone(table: Table) -> None:
    """A film may have ended its worker, so its next attempt includes no other film."""
    first, second = table.analyse(1), table.analyse(2)
    lost = claim(table)
    third = table.analyse(3)
    table.later(LEASE.total_seconds() + 1)
    again = [claim(table, "c2") for _ in range(3)]
    assert [[claimed.job_id for claimed in films] for films in again] == [
        [first],
        [second],
        [third],
    ]
    assert again[0][0].attempt == 2
    assert not settle(table, lost[0])
    assert settle(table, again[0][0])


def test_a_lost_claim_settles_nothing_after_the_same_worker_claims_again(
    table: Table,
) -> None:
    """The worker of the lost claim was suspended for longer than its lease."""
    table.analyse(1)
    [lost] = claim(table)
    table.later(LEASE.total_seconds() + 1)
    [again] = claim(table)
    assert (again.worker, again.attempt) == (lost.worker, 2)
    assert not settle(table, lost)
    assert settle(table, again)


class SlowQueue(ChallengerQueue):
    """A queue in which another worker claims the films between selection and insertion."""

    def _new_jobs(self, connection: sa.Connection, limit: int) -> list[int]:
        job_ids = super()._new_jobs(connection, limit)
        now = datetime(2026, 1, 1, tzinfo=UTC)
        ChallengerQueue(self._engine, NEXT, 1.0, ANALYSIS, LEASE).claim(
            "c2", now, now + LEASE, limit
        )
        return job_ids


def test_the_second_worker_gets_no_row_for_the_same_film(table: Table) -> None:
    """Selection and insertion are two steps, but the table accepts one row for each film."""
    table.analyse(1)
    slow = SlowQueue(table.engine, NEXT, 1.0, ANALYSIS, LEASE)
    assert slow.claim("c1", table.now, table.now + LEASE, 1) == []
    assert counts(table) == {ChallengerState.SCORING: 1}


def test_a_film_that_ends_every_worker_fails_after_its_attempts(table: Table) -> None:
    """An attempt is counted at the claim, and the challenger continues with the next film."""
    table.analyse(1)
    for attempt in range(1, ANALYSIS.attempts + 1):
        [claimed] = claim(table)
        assert claimed.attempt == attempt
        table.later(LEASE.total_seconds() + 1)
    second = table.analyse(2)
    assert claim(table) == []
    assert counts(table) == {ChallengerState.FAILED: 1}
    assert [claimed.job_id for claimed in claim(table)] == [second]


def test_a_renewed_lease_is_kept(table: Table) -> None:
    table.analyse(1)
    [claimed] = claim(table)
    assert challenger(table).renew([claimed], table.now + 3 * LEASE) == 1
    table.later(2 * LEASE.total_seconds())
    assert claim(table, "c2") == []
    assert settle(table, claimed)
    assert challenger(table).renew([claimed], table.now + LEASE) == 0


def test_a_retry_waits_until_its_time(table: Table) -> None:
    table.analyse(1)
    [claimed] = claim(table)
    assert settle(table, claimed, RetryAt(table.now + timedelta(seconds=30), "no memory"))
    assert claim(table) == []
    table.later(30)
    assert [retried.attempt for retried in claim(table)] == [2]


def test_a_time_set_by_a_fast_clock_does_not_block_a_film(table: Table) -> None:
    """The first worker had a fast clock and did not finish; the next worker claims the film."""
    table.analyse(1)
    fast_clock = table.now + timedelta(hours=5)
    assert challenger(table).claim("c1", fast_clock, fast_clock + LEASE, 1)
    assert len(claim(table, "c2")) == 1
    assert claim(table, "c3") == []


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (ChallengerScored(VERDICT), ChallengerState.SCORED),
        (NotScored("pixels", "they show nothing"), ChallengerState.REJECTED),
        (Failed("damaged\0"), ChallengerState.FAILED),
        (FilmGone(), ChallengerState.GONE),
    ],
)
def test_a_final_outcome_ends_the_attempts(
    table: Table, outcome: object, state: ChallengerState
) -> None:
    table.analyse(1)
    [claimed] = claim(table)
    assert settle(table, claimed, outcome)
    assert counts(table) == {state: 1}
    table.later(1_000_000)
    assert claim(table) == []


def test_a_purged_film_is_claimed_only_for_its_retry(table: Table) -> None:
    """The challenger does not delay a purge. A retry of a purged film has an empty spool key."""
    table.analyse(1, ())
    [claimed] = claim(table)
    settle(table, claimed, RetryAt(table.now, "no memory"))
    table.analyse(2, ())
    table.later(100)
    assert table.maintenance.clear_expired_keys(table.now, table.now) == ["films/1", "films/2"]
    assert [retried.spool_key for retried in claim(table)] == [""]
    assert claim(table) == []


def test_rows_are_purged_with_their_jobs(table: Table) -> None:
    table.analyse(1, ())
    [claimed] = claim(table)
    settle(table, claimed)
    table.later(100)
    table.maintenance.clear_expired_keys(table.now, table.now)
    assert table.maintenance.purge_rows(table.now) == 1
    assert counts(table) == {}


def test_the_job_does_not_change(table: Table) -> None:
    """State, verdict, deliveries and history of the job stay the same."""
    job_id = table.analyse(1)
    before = table.operator.show(job_id)
    [claimed] = claim(table)
    settle(table, claimed)
    assert table.operator.show(job_id) == before
    assert table.operator.show(job_id).job.state is JobState.ANALYSED


def test_a_claim_without_work_writes_nothing(table: Table, open_table: Callable[[], Table]) -> None:
    """SQLite allows one writer, so the claim must succeed while another connection writes."""
    table.analyse(1)
    [claimed] = claim(table)
    settle(table, claimed)
    second = open_table()
    with transaction(table.engine) as connection:
        connection.execute(sa.text("UPDATE job SET error = 'being written'"))
        assert claim(second) == []


def test_concurrent_challengers_never_share_a_film(open_table: Callable[[], Table]) -> None:
    """Three workers with their own connections claim each of thirty films once."""
    table = open_table()
    for number in range(1, 31):
        table.analyse(number, ())
    claimed: list[int] = []
    start = threading.Barrier(3)

    def work(name: str) -> None:
        own_table = open_table()
        start.wait()
        # Two workers may select the same films, and then one of the workers gets no row.
        while len(claimed) < 30:
            claimed.extend(claimed.job_id for claimed in claim(own_table, name, limit=2))

    workers = [threading.Thread(target=work, args=(f"c{n}",)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(Counter(claimed).values()) == [1] * 30
