"""A PACS opens associations to the node for storage commitment reports."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from pynetdicom import AE, build_role
from pynetdicom.association import Association

from models.bundle.intended_use import IntendedUse
from node.domain.admission.header_rules import Admitted
from node.domain.decision.prediction import (
    Decision,
    Finding,
    ModelIdentity,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import (
    AwaitCommitment,
    DeliveryState,
    PlannedDelivery,
    Result,
    ResultKind,
)
from node.domain.workflow.job import Analysed, JobState
from node.domain.workflow.job_summary import JobDetail
from node.jobs.delivery_queue import DeliveryQueue
from node.jobs.intake import IntakeStore
from node.jobs.operator import OperatorStore
from node.jobs.scoring_queue import ScoringQueue
from node.pacs.commitment import PUSH_MODEL
from tests.peers.committing import send_report
from tests.support.film_facts import CHEST_FILM
from tests.wire.conftest import AE_TITLE, RETRY, Node, utc_now

TRANSACTION = "2.25.77"
REPORT, HEATMAP = "2.25.1", "2.25.2"
SOP_CLASS = "1.2.840.10008.5.1.4.1.1.7"
VERDICT = Verdict(
    probability=Probability(image=0.61),
    decision=Decision(Finding.PRESENT, threshold=0.5, score=0.61, score_kind=ScoreKind.IMAGE),
    model=ModelIdentity("grid-demo", "1.0.0", "5e" * 32, IntendedUse.DEMONSTRATION),
)


@pytest.fixture
def waiting(node: Node) -> Node:
    """Return a node with a job whose report and heatmap await commitment."""
    film: Film = CHEST_FILM
    now = utc_now()
    later = now + timedelta(minutes=10)
    results = (
        Result(ResultKind.REPORT, "1.2.840.10008.5.1.4.1.1.88.34", REPORT, "results/r", "2.25.3"),
        Result(ResultKind.HEATMAP, "1.2.840.10008.5.1.4.1.1.7", HEATMAP, "results/h", "2.25.4"),
    )
    queue, outbox = ScoringQueue(node.engine), DeliveryQueue(node.engine, RETRY)
    assert IntakeStore(node.engine, RETRY).receive(film, Admitted(), "films/x", now)
    [job] = queue.claim("analyst", now, later, 1)
    parcels = tuple(PlannedDelivery("pacs", result) for result in results)
    assert queue.settle(job, Analysed(VERDICT, parcels), now)
    for delivery in outbox.claim("pacs", "courier", now, later, 10):
        assert outbox.settle(delivery, AwaitCommitment(TRANSACTION, later), now)
    assert states(node) == dict.fromkeys((REPORT, HEATMAP), DeliveryState.AWAITING_COMMITMENT)
    return node


def job_detail(node: Node) -> JobDetail:
    operator = OperatorStore(node.engine)
    return operator.show(operator.find(CHEST_FILM.sop_instance_uid))


def states(node: Node) -> dict[str, DeliveryState]:
    return {d.sop_instance_uid: d.state for d in job_detail(node).deliveries}


@contextmanager
def pacs(node: Node, role: bool = True) -> Iterator[Association]:
    """Open an association as a reporting PACS does, with or without the SCP role."""
    ae = AE("PACS")
    ae.add_requested_context(PUSH_MODEL)
    roles = [build_role(PUSH_MODEL, scp_role=True)] if role else []
    assoc = ae.associate("127.0.0.1", node.port, ae_title=AE_TITLE, ext_neg=roles)
    assert assoc.is_established
    if not role:
        # pynetdicom sends reports only with the SCP role, which other vendors do not require.
        for context in assoc.accepted_contexts:
            context._as_scp = True
    try:
        yield assoc
    finally:
        if assoc.is_established:
            assoc.release()


def report(
    assoc: Association,
    transaction: str | None = TRANSACTION,
    committed: Sequence[str] = (),
    failed: Sequence[str] = (),
) -> int:
    """Send a commitment report on these UIDs; return the status."""
    committed_pairs, failed_pairs = (
        [(SOP_CLASS, uid) for uid in uids] for uids in (committed, failed)
    )
    return send_report(assoc, transaction, committed_pairs, failed_pairs)


@pytest.mark.parametrize("role", [True, False], ids=["with-role", "without-role"])
def test_a_committed_object_is_delivered(waiting: Node, role: bool) -> None:
    """A job without other open deliveries is DONE before the node answers."""
    with pacs(waiting, role) as assoc:
        assert report(assoc, committed=[REPORT, HEATMAP]) == 0x0000
        assert set(states(waiting).values()) == {DeliveryState.DELIVERED}
        assert job_detail(waiting).job.state is JobState.DONE


def test_a_report_may_name_some_of_the_objects(waiting: Node) -> None:
    """The objects that the report does not name wait for another report."""
    with pacs(waiting) as assoc:
        assert report(assoc, committed=[REPORT]) == 0x0000
        assert states(waiting)[HEATMAP] is DeliveryState.AWAITING_COMMITMENT
        assert job_detail(waiting).job.state is JobState.ANALYSED
        assert report(assoc, committed=[HEATMAP]) == 0x0000
    assert job_detail(waiting).job.state is JobState.DONE


def test_an_object_that_was_not_committed_is_sent_again(waiting: Node) -> None:
    """The PACS's reason is stored, and the committed object is not sent again."""
    with pacs(waiting) as assoc:
        assert report(assoc, committed=[REPORT], failed=[HEATMAP]) == 0x0000
    assert states(waiting) == {
        REPORT: DeliveryState.DELIVERED,
        HEATMAP: DeliveryState.PENDING,
    }
    refused = next(d for d in job_detail(waiting).deliveries if d.sop_instance_uid == HEATMAP)
    assert "0x0112" in refused.error


@pytest.mark.parametrize(
    ("transaction", "committed"), [("2.25.99", [REPORT, HEATMAP]), (TRANSACTION, ["2.25.3"])]
)
def test_a_report_on_unknown_objects_changes_nothing(
    waiting: Node, transaction: str, committed: list[str]
) -> None:
    """The node answers 0x0000, so that the PACS does not repeat the report."""
    before = job_detail(waiting)
    with pacs(waiting) as assoc:
        assert report(assoc, transaction, committed) == 0x0000
    assert job_detail(waiting) == before


def test_a_repeated_report_changes_nothing(waiting: Node) -> None:
    """A PACS that missed the answer sends its report again."""
    with pacs(waiting) as assoc:
        assert report(assoc, committed=[REPORT, HEATMAP]) == 0x0000
        settled = job_detail(waiting)
        assert report(assoc, committed=[REPORT, HEATMAP]) == 0x0000
    assert job_detail(waiting) == settled


def test_a_report_without_transaction_is_an_invalid_argument(waiting: Node) -> None:
    """The status is 0x0115, and nothing changes."""
    before = job_detail(waiting)
    with pacs(waiting) as assoc:
        assert report(assoc, None, committed=[REPORT]) == 0x0115
    assert job_detail(waiting) == before


def test_a_report_that_cannot_be_stored_is_not_acknowledged(waiting: Node) -> None:
    """While the database is locked, the status is 0x0110; the repeated report is then stored."""

    def impatient(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=100")

    sa.event.listen(waiting.engine, "connect", impatient)
    waiting.engine.dispose()
    blocker = sqlite3.connect(waiting.folder / "jobs.db", isolation_level=None)
    with pacs(waiting) as assoc:
        blocker.execute("BEGIN IMMEDIATE")
        assert report(assoc, committed=[REPORT, HEATMAP]) == 0x0110
        blocker.execute("ROLLBACK")
        blocker.close()
        assert job_detail(waiting).job.state is JobState.ANALYSED
        assert report(assoc, committed=[REPORT, HEATMAP]) == 0x0000
    assert job_detail(waiting).job.state is JobState.DONE
