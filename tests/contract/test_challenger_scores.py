"""Pairs of scores of two bundles are read from both databases."""

from dataclasses import replace
from datetime import datetime, timedelta

from node.challenger.comparison import ScorePair
from node.challenger.score_pairs import ScorePairStore
from node.challenger.score_queue import ChallengerQueue
from node.challenger.states import ChallengerScored
from node.domain.decision.prediction import Probability, Verdict
from node.domain.workflow.retry import RetryAt
from node.replay.score_store import ScoreStore
from tests.contract.conftest import ANALYSIS, LEASE, VERDICT, Table
from tests.contract.test_score_store import MODEL, scored

NEXT = "cd" * 32
CHALLENGER_VERDICT = replace(
    VERDICT,
    probability=Probability(0.3, 0.2, 0.25),
    model=replace(VERDICT.model, digest=NEXT),
    seconds={"decode": 0.2, "predict": 1.5},
)


def settle(
    table: Table, verdict: Verdict = CHALLENGER_VERDICT, model: str = NEXT, limit: int = 1
) -> None:
    """Settle the challenger's next films with this verdict."""
    queue = ChallengerQueue(table.engine, model, 1.0, ANALYSIS, LEASE)
    for film in queue.claim("c1", table.now, table.now + LEASE, limit):
        assert queue.settle(film, ChallengerScored(verdict), table.now)


def stored(table: Table, since: datetime | None = None) -> list[ScorePair]:
    scores = ScorePairStore(table.engine, MODEL, NEXT)
    return list(scores.stored(scores.start(since)))


def test_a_pair_has_both_scores_and_their_seconds(table: Table) -> None:
    scored(table, 1, replace(VERDICT, seconds={"predict": 0.5}))
    settle(table)
    [single] = ScoreStore(table.engine).read(MODEL, None)
    expected = ScorePair(single, "1.2.3.1", True, 0.5, "SCORED", 0.3, 0.2, 0.25, 1.5)
    [pair] = stored(table)
    assert pair == expected
    assert [type(value) for value in pair] == [type(value) for value in expected]


def test_films_without_a_challenger_score_are_returned(table: Table) -> None:
    """Rows of a third bundle are ignored."""
    scored(table, 1)
    settle(table)
    scored(table, 2)
    settle(table, model="ef" * 32, limit=2)
    queue = ChallengerQueue(table.engine, NEXT, 1.0, ANALYSIS, LEASE)
    [film] = queue.claim("c1", table.now, table.now + LEASE, 1)
    queue.settle(film, RetryAt(table.now, "no memory"), table.now)
    scored(table, 3)
    table.later(10)
    table.maintenance.clear_expired_keys(table.now, table.now)
    assert [(pair.state, pair.image, pair.has_bytes) for pair in stored(table)] == [
        ("SCORED", 0.3, False),
        ("SCORING", None, False),
        (None, None, False),
    ]


def test_films_before_the_challengers_first_film_are_omitted(
    table: Table,
) -> None:
    """Earlier films may have been purged before the challenger was configured."""
    scored(table, 1)
    table.later(10)
    table.maintenance.clear_expired_keys(table.now, table.now)
    assert stored(table) == []
    scored(table, 2)
    settle(table)
    later = table.later(10)
    scored(table, 3)
    assert [pair.uid for pair in stored(table)] == ["1.2.3.2", "1.2.3.3"]
    assert [pair.uid for pair in stored(table, later)] == ["1.2.3.3"]
    assert len(stored(table, later - timedelta(days=365))) == 2


def test_a_film_that_another_bundle_has_scored_since_is_omitted(table: Table) -> None:
    """After a switch to the challenger, its scores would be compared with themselves."""
    scored(table, 1)
    settle(table)
    scored(table, 2, CHALLENGER_VERDICT)
    settle(table)
    assert [pair.uid for pair in stored(table)] == ["1.2.3.1"]
