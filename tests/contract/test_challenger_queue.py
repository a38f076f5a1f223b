"""What the challenger relies on, and what nobody else notices of it, on both databases."""

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


def settle(table: Table, one: ChallengerFilm, outcome: object = ChallengerScored(VERDICT)) -> bool:
    return challenger(table).settle(one, outcome, table.now)


def standing(table: Table) -> dict[ChallengerState, int]:
    return {state: count for state, count in challenger(table).counts().items() if count}


def test_a_scored_film_is_claimed_with_all_its_facts(table: Table) -> None:
    """ANALYSED or DONE: its results may still be on their way."""
    done, analysed = table.analyse(1, ()), table.analyse(2)
    first, second = claim(table)
    assert [one.job_id for one in (first, second)] == [done, analysed]
    assert (first.film, first.spool_key) == (film(1), "films/1")
    assert (first.attempt, first.worker) == (1, "c1")


def test_what_is_not_scored_is_not_claimed(table: Table) -> None:
    """A film that policy turned away, one that failed, one under way."""
    table.intake.receive(film(1), Refused(Reason.VIEW, "LL"), "films/1", table.now)
    table.receive(2)
    [job] = table.claim()
    table.queue.settle(job, Failed("damaged"), table.now)
    table.receive(3)
    assert len(table.claim()) == 1
    assert claim(table) == []


def test_films_that_wait_for_their_results_come_first(table: Table) -> None:
    """The challenger holds up nobody: while one is due to be scored, it gets nothing."""
    scored = table.analyse(1)
    table.receive(2)
    assert claim(table) == []
    [job] = table.claim()
    assert [one.job_id for one in claim(table)] == [scored]
    table.queue.settle(job, RetryAt(table.now + timedelta(hours=1), "no memory"), table.now)
    third = table.analyse(3)
    assert [one.job_id for one in claim(table)] == [third]


def test_a_film_is_scored_once_by_each_bundle(table: Table) -> None:
    table.analyse(1)
    [one] = claim(table)
    assert claim(table, "c2") == []
    assert settle(table, one)
    table.later(10_000)
    assert claim(table) == []
    assert len(claim(table, model="ef" * 32)) == 1


def test_claims_come_oldest_first_and_no_more_than_asked(table: Table) -> None:
    ids = [table.analyse(number) for number in (1, 2, 3)]
    assert [one.job_id for one in claim(table, limit=2)] == ids[:2]
    assert [one.job_id for one in claim(table, limit=2)] == ids[2:]


def test_a_share_is_the_same_films_for_everybody(table: Table) -> None:
    """And those that are left out are in nobody's way."""
    ids = {number: table.analyse(number) for number in range(1, 21)}
    chosen = [ids[n] for n in ids if is_chosen(film(n).sop_instance_uid, 0.3)]
    assert 0 < len(chosen) < 20
    first = [one.job_id for one in claim(table, limit=1, share=0.3)]
    assert first + [one.job_id for one in claim(table, "c2", 20, share=0.3)] == chosen
    rest = [one.job_id for one in claim(table, limit=20)]
    assert sorted(chosen + rest) == sorted(ids.values())


def test_a_film_that_lost_its_worker_comes_again_and_alone(table: Table) -> None:
    """It may be what ended the worker: another film must not spend its tries beside it."""
    first, second = table.analyse(1), table.analyse(2)
    lost = claim(table)
    third = table.analyse(3)
    table.later(LEASE.total_seconds() + 1)
    again = [claim(table, "c2") for _ in range(3)]
    assert [[one.job_id for one in films] for films in again] == [[first], [second], [third]]
    assert again[0][0].attempt == 2
    assert not settle(table, lost[0])
    assert settle(table, again[0][0])


def test_a_claim_that_was_lost_settles_nothing_though_its_worker_has_the_film_again(
    table: Table,
) -> None:
    """A worker that stood still for longer than its lease, and took the film once more."""
    table.analyse(1)
    [lost] = claim(table)
    table.later(LEASE.total_seconds() + 1)
    [again] = claim(table)
    assert (again.worker, again.attempt) == (lost.worker, 2)
    assert not settle(table, lost)
    assert settle(table, again)


class Slow(ChallengerQueue):
    """A challenger before which another takes the films that it has just seen."""

    def _new(self, connection: sa.Connection, limit: int) -> list[int]:
        found = super()._new(connection, limit)
        now = datetime(2026, 1, 1, tzinfo=UTC)
        ChallengerQueue(self._engine, NEXT, 1.0, ANALYSIS, LEASE).claim(
            "c2", now, now + LEASE, limit
        )
        return found


def test_who_comes_second_to_a_film_goes_without(table: Table) -> None:
    """Looking and taking are two steps: the table keeps two from taking one film."""
    table.analyse(1)
    slow = Slow(table.engine, NEXT, 1.0, ANALYSIS, LEASE)
    assert slow.claim("c1", table.now, table.now + LEASE, 1) == []
    assert standing(table) == {ChallengerState.SCORING: 1}


def test_a_film_that_ends_every_worker_runs_out_of_tries(table: Table) -> None:
    """The attempt is counted at the claim; then the challenger goes on to the next film."""
    table.analyse(1)
    for attempt in range(1, ANALYSIS.attempts + 1):
        [one] = claim(table)
        assert one.attempt == attempt
        table.later(LEASE.total_seconds() + 1)
    second = table.analyse(2)
    assert claim(table) == []
    assert standing(table) == {ChallengerState.FAILED: 1}
    assert [one.job_id for one in claim(table)] == [second]


def test_a_renewed_lease_is_kept(table: Table) -> None:
    table.analyse(1)
    [one] = claim(table)
    assert challenger(table).renew([one], table.now + 3 * LEASE) == 1
    table.later(2 * LEASE.total_seconds())
    assert claim(table, "c2") == []
    assert settle(table, one)
    assert challenger(table).renew([one], table.now + LEASE) == 0


def test_what_fails_for_now_waits_for_its_time(table: Table) -> None:
    table.analyse(1)
    [one] = claim(table)
    assert settle(table, one, RetryAt(table.now + timedelta(seconds=30), "no memory"))
    assert claim(table) == []
    table.later(30)
    assert [again.attempt for again in claim(table)] == [2]


def test_no_wait_outlasts_the_clock_that_set_it(table: Table) -> None:
    """A worker whose clock was hours ahead is gone; its film is not left for hours."""
    table.analyse(1)
    ahead = table.now + timedelta(hours=5)
    assert challenger(table).claim("c1", ahead, ahead + LEASE, 1)
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
def test_an_end_is_an_end(table: Table, outcome: object, state: ChallengerState) -> None:
    """Whatever it is, the film is not tried for ever."""
    table.analyse(1)
    [one] = claim(table)
    assert settle(table, one, outcome)
    assert standing(table) == {state: 1}
    table.later(1_000_000)
    assert claim(table) == []


def test_a_purged_film_is_not_claimed_and_one_purged_meanwhile_has_no_bytes(table: Table) -> None:
    """The challenger keeps no film in the spool."""
    table.analyse(1, ())
    [one] = claim(table)
    settle(table, one, RetryAt(table.now, "no memory"))
    table.analyse(2, ())
    table.later(100)
    assert table.maintenance.clear_expired_keys(table.now, table.now) == ["films/1", "films/2"]
    assert [again.spool_key for again in claim(table)] == [""]
    assert claim(table) == []


def test_rows_go_with_their_jobs(table: Table) -> None:
    table.analyse(1, ())
    [one] = claim(table)
    settle(table, one)
    table.later(100)
    table.maintenance.clear_expired_keys(table.now, table.now)
    assert table.maintenance.purge_rows(table.now) == 1
    assert standing(table) == {}


def test_the_job_knows_nothing_of_it(table: Table) -> None:
    """State, verdict, deliveries and history are those of a node without a challenger."""
    job_id = table.analyse(1)
    before = table.operator.show(job_id)
    [one] = claim(table)
    settle(table, one)
    assert table.operator.show(job_id) == before
    assert table.operator.show(job_id).job.state is JobState.ANALYSED


def test_a_look_that_finds_nothing_writes_nothing(
    table: Table, open_table: Callable[[], Table]
) -> None:
    """On SQLite a writer keeps all others waiting: the challenger looks while somebody writes."""
    table.analyse(1)
    [one] = claim(table)
    settle(table, one)
    other = open_table()
    with transaction(table.engine) as connection:
        connection.execute(sa.text("UPDATE job SET error = 'being written'"))
        assert claim(other) == []


def test_many_challengers_at_once_never_share_a_film(open_table: Callable[[], Table]) -> None:
    """Thirty films, three workers each with its own connections: every film is claimed once."""
    table = open_table()
    for number in range(1, 31):
        table.analyse(number, ())
    claimed: list[int] = []
    start = threading.Barrier(3)

    def work(name: str) -> None:
        mine = open_table()
        start.wait()
        # Two that look at once see the same films, and one of them comes away with nothing.
        while len(claimed) < 30:
            claimed.extend(one.job_id for one in claim(mine, name, limit=2))

    workers = [threading.Thread(target=work, args=(f"c{n}",)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(Counter(claimed).values()) == [1] * 30
