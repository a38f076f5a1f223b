"""`ChallengerWorker` is tested with a real spool, a real bundle and both databases."""

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
from node.domain.hysteresis import DiskReserve
from node.domain.radiograph.case import Case
from node.domain.workflow.job import Analysed
from node.header.read import read_film
from node.inference.predictor import BundlePredictor, load
from node.spool.store import FileSpool
from node.workers.loop import ClaimSettings
from tests.contract.conftest import ANALYSIS, LEASE, VERDICT, Table
from tests.support.films import make_film, write_film

POLICY = DecisionPolicy(Rule(Thresholds.uniform(0.0)))


@pytest.fixture(scope="module")
def shipped() -> BundlePredictor:
    """Return the shipped bundle. The jobs of these tests have verdicts of another bundle."""
    return load("demo", "cpu", 1)


class ChallengerNode:
    """A job table, a spool and the worker of a challenger."""

    def __init__(self, table: Table, folder: Path, predictor: BundlePredictor) -> None:
        self.table = table
        self.model = predictor.identity.digest
        self.spool = FileSpool(folder, DiskReserve(0, 0))
        self.spool.prepare()
        self.queue = ChallengerQueue(table.engine, self.model, 1.0, ANALYSIS, LEASE)
        self.challenger = ChallengerWorker(
            queue=self.queue,
            spool=self.spool,
            predictor=predictor,
            settings=ClaimSettings("c1", batch=4, lease=LEASE.total_seconds(), retry=ANALYSIS),
            policy=POLICY,
            clock=lambda: table.now,
        )

    def add_analysed_film(self) -> Path:
        """Receive a film and settle its analysis; return its path in the spool."""
        path = write_film(make_film(), self.spool.incoming / "film.dcm")
        facts = read_film(path, "MODALITY")
        key = self.spool.store_film(path, facts.digest)
        assert self.table.intake.receive(facts, Admitted(), key, self.table.now)
        [job] = self.table.claim()
        assert self.table.queue.settle(job, Analysed(VERDICT, ()), self.table.now)
        return self.spool.path(key)

    def counts(self) -> dict[ChallengerState, int]:
        """Return the number of films in each state of the challenger's queue."""
        return {state: count for state, count in self.queue.counts().items() if count}


@pytest.fixture
def node(table: Table, tmp_path: Path, shipped: BundlePredictor) -> ChallengerNode:
    """Return a node without films."""
    return ChallengerNode(table, tmp_path / "spool", shipped)


def test_a_film_is_scored_with_the_second_bundle(node: ChallengerNode) -> None:
    """The duration of the scoring is recorded. The next step finds no film to score."""
    node.add_analysed_film()
    assert (node.challenger.step(), node.challenger.step()) == (1, 0)
    scores = ScorePairStore(node.table.engine, VERDICT.model.digest, node.model)
    [pair] = scores.stored(scores.start(None))
    assert (pair.state, pair.stored.image, pair.has_bytes) == ("SCORED", 0.61, True)
    assert pair.image is not None
    assert pair.image != 0.61
    assert pair.challenger_seconds is not None


def test_a_damaged_film_affects_no_other(node: ChallengerNode) -> None:
    """A damaged film fails without a retry."""
    damaged = node.add_analysed_film()
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x00")
    node.add_analysed_film()
    assert node.challenger.step() == 2
    assert node.counts() == {ChallengerState.FAILED: 1, ChallengerState.SCORED: 1}


def test_a_film_is_retried_while_the_spool_is_unavailable(node: ChallengerNode) -> None:
    """A network share may be unavailable for some time."""
    path = node.add_analysed_film()
    content = path.read_bytes()
    path.unlink()
    node.challenger.step()
    assert node.counts() == {ChallengerState.SCORING: 1}
    path.write_bytes(content)
    node.table.later(ANALYSIS.cap)
    node.challenger.step()
    assert node.counts() == {ChallengerState.SCORED: 1}


def test_a_film_that_is_purged_before_its_retry_is_gone(node: ChallengerNode) -> None:
    path = node.add_analysed_film()
    path.unlink()
    node.challenger.step()
    node.table.later(ANALYSIS.cap)
    assert len(node.table.maintenance.clear_expired_keys(node.table.now, node.table.now)) == 1
    node.challenger.step()
    assert node.counts() == {ChallengerState.GONE: 1}


class OneFilmPredictor(BundlePredictor):
    """A predictor whose device has too little memory for two films."""

    def predict(self, cases: Sequence[Case]) -> list[Prediction]:
        if len(cases) > 1:
            raise Transient("no memory")
        return super().predict(cases)


def test_a_batch_that_fails_is_scored_film_by_film(
    table: Table, tmp_path: Path, shipped: BundlePredictor
) -> None:
    node = ChallengerNode(table, tmp_path / "spool", OneFilmPredictor(shipped._bundle))
    node.add_analysed_film()
    node.add_analysed_film()
    assert node.challenger.step() == 2
    assert node.counts() == {ChallengerState.SCORED: 2}
