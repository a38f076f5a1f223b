"""The challenger at work: a real spool, a real bundle, and the job table of each database."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from node.challenger.score_pairs import ScorePairStore
from node.challenger.score_queue import ChallengerQueue
from node.challenger.states import ChallengerState
from node.challenger.worker import ChallengerWorker
from node.domain.admission.header_rules import Admitted
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import Prediction
from node.domain.decision.thresholds import Rule, Thresholds
from node.domain.errors import Transient
from node.domain.hysteresis import Reserve
from node.domain.radiograph.case import Case
from node.domain.workflow.job import Analysed
from node.header.read import read_film
from node.inference.predictor import BundlePredictor, load
from node.spool.store import FileSpool
from node.workers.loop import ScoringSettings
from tests.contract.conftest import ANALYSIS, LEASE, VERDICT, Table
from tests.support.wire_films import film, write

POLICY = DecisionPolicy(Rule(Thresholds.same(0.0)))


@pytest.fixture(scope="module")
def shipped() -> BundlePredictor:
    """Return the shipped bundle; the verdicts of the test's jobs are another's."""
    return load("demo", "cpu", 1)


class House:
    """A job table, a spool, and a challenger over both."""

    def __init__(self, table: Table, folder: Path, predictor: BundlePredictor) -> None:
        self.table = table
        self.model = predictor.identity.digest
        self.spool = FileSpool(folder, Reserve(0, 0))
        self.spool.prepare()
        self.queue = ChallengerQueue(table.engine, self.model, 1.0, ANALYSIS, LEASE)
        self.challenger = ChallengerWorker(
            queue=self.queue,
            spool=self.spool,
            predictor=predictor,
            settings=ScoringSettings("c1", batch=4, lease=LEASE.total_seconds(), retry=ANALYSIS),
            policy=POLICY,
            clock=lambda: table.now,
        )

    def scored(self) -> Path:
        """Take in a film and settle its analysis; return where its bytes lie."""
        path = write(film(), self.spool.incoming / "one.dcm")
        facts = read_film(path, "MODALITY")
        key = self.spool.store_film(path, facts.digest)
        assert self.table.intake.receive(facts, Admitted(), key, self.table.now)
        [job] = self.table.claim()
        assert self.table.queue.settle(job, Analysed(VERDICT, ()), self.table.now)
        return self.spool.path(key)

    def standing(self) -> dict[ChallengerState, int]:
        """Return how many films stand in each state."""
        return {state: count for state, count in self.queue.counts().items() if count}


@pytest.fixture
def house(table: Table, tmp_path: Path, shipped: BundlePredictor) -> House:
    """Return an empty house."""
    return House(table, tmp_path / "spool", shipped)


def test_a_film_is_scored_by_the_second_bundle(house: House) -> None:
    """With what it costs; then there is nothing more to do."""
    house.scored()
    assert (house.challenger.step(), house.challenger.step()) == (1, 0)
    scores = ScorePairStore(house.table.engine, VERDICT.model.digest, house.model)
    [found] = scores.stored(scores.start(None))
    assert (found.state, found.stored.image, found.kept) == ("SCORED", 0.61, True)
    assert found.image is not None
    assert found.image != 0.61
    assert found.challenger_seconds is not None


def test_a_damaged_film_costs_no_other(house: House) -> None:
    """It fails for good, since it will be as damaged the next time."""
    damaged = house.scored()
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x00")
    house.scored()
    assert house.challenger.step() == 2
    assert house.standing() == {ChallengerState.FAILED: 1, ChallengerState.SCORED: 1}


def test_a_spool_that_is_away_is_waited_for(house: House) -> None:
    """A network share comes back; a film is not gone because of it."""
    path = house.scored()
    content = path.read_bytes()
    path.unlink()
    house.challenger.step()
    assert house.standing() == {ChallengerState.SCORING: 1}
    path.write_bytes(content)
    house.table.later(ANALYSIS.cap)
    house.challenger.step()
    assert house.standing() == {ChallengerState.SCORED: 1}


def test_a_film_that_is_purged_before_its_next_try_is_gone(house: House) -> None:
    path = house.scored()
    path.unlink()
    house.challenger.step()
    house.table.later(ANALYSIS.cap)
    assert len(house.table.maintenance.clear_expired_keys(house.table.now, house.table.now)) == 1
    house.challenger.step()
    assert house.standing() == {ChallengerState.GONE: 1}


class Small(BundlePredictor):
    """A bundle on a device that has memory for one film."""

    def predict(self, cases: Sequence[Case]) -> list[Prediction]:
        if len(cases) > 1:
            raise Transient("no memory")
        return super().predict(cases)


def test_a_batch_that_fails_is_scored_film_by_film(
    table: Table, tmp_path: Path, shipped: BundlePredictor
) -> None:
    house = House(table, tmp_path / "spool", Small(shipped._bundle))
    house.scored()
    house.scored()
    assert house.challenger.step() == 2
    assert house.standing() == {ChallengerState.SCORED: 2}
