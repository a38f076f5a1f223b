"""Fixtures of contract tests: a job table on each database, a settable clock, and test films."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

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
from node.domain.workflow.delivery import Delivery, PlannedDelivery, Result, ResultKind
from node.domain.workflow.job import Analysed, Job
from node.domain.workflow.retry import RetryPolicy
from node.jobs import schema
from node.jobs.delivery_queue import DeliveryQueue
from node.jobs.engine import open_engine
from node.jobs.intake import IntakeStore
from node.jobs.maintenance import MaintenanceStore
from node.jobs.operator import OperatorStore
from node.jobs.scoring_queue import ScoringQueue

LEASE = timedelta(seconds=60)
ANALYSIS = RetryPolicy(attempts=3, first=2.0, cap=60.0)
DELIVERY = RetryPolicy(attempts=4, first=2.0, cap=60.0)

VERDICT = Verdict(
    probability=Probability(image=0.61),
    decision=Decision(
        finding=Finding.PRESENT, threshold=0.5, score=0.61, score_kind=ScoreKind.IMAGE
    ),
    model=ModelIdentity("m", "1", "ab" * 32, IntendedUse.DEMONSTRATION),
    seconds={"decode": 0.1},
    shadow_destinations=("trial",),
)


def film(number: int = 1, digest: str = "") -> Film:
    """Return a film; each number gives a different film."""
    return Film(
        sop_instance_uid=f"1.2.3.{number}",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
        study_instance_uid=f"1.2.4.{number}",
        series_instance_uid=f"1.2.5.{number}",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        digest=digest or f"{number:064x}",
        size=100,
        calling_ae="MODALITY",
        image_type=("ORIGINAL", "PRIMARY"),
        age_years=67.0,
    )


def results(number: int = 1) -> tuple[Result, Result]:
    """Return the report and the heatmap of a film."""
    return (
        result(ResultKind.REPORT, f"2.25.{number}1", f"r{number}"),
        result(ResultKind.HEATMAP, f"2.25.{number}2", f"h{number}"),
    )


def result(kind: ResultKind, uid: str, key: str) -> Result:
    """Return a result with its own series."""
    report = kind is ResultKind.REPORT
    sop_class = "1.2.840.10008.5.1.4.1.1.88.34" if report else "1.2.840.10008.5.1.4.1.1.7"
    return Result(kind, sop_class, uid, key, f"{uid}.9")


@dataclass
class Table:
    """The stores of one job table, and the current time."""

    engine: sa.Engine
    now: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def __post_init__(self) -> None:
        self.intake = IntakeStore(self.engine, DELIVERY)
        self.queue = ScoringQueue(self.engine)
        self.deliveries = DeliveryQueue(self.engine, DELIVERY)
        self.maintenance = MaintenanceStore(self.engine, ANALYSIS, DELIVERY, LEASE)
        self.operator = OperatorStore(self.engine)

    def later(self, seconds: float) -> datetime:
        """Move the clock forward; return the new time."""
        self.now += timedelta(seconds=seconds)
        return self.now

    def receive(self, number: int = 1) -> int:
        """Receive a film; return the ID of its job."""
        received = film(number)
        assert self.intake.receive(received, Admitted(), f"films/{number}", self.now)
        return self.operator.find(received.sop_instance_uid)

    def claim(self, worker: str = "w1", limit: int = 10) -> list[Job]:
        """Claim jobs for analysis."""
        return self.queue.claim(worker, self.now, self.now + LEASE, limit)

    def analyse(self, number: int = 1, destinations: tuple[str, ...] = ("pacs",)) -> int:
        """Receive a film and settle its analysis with results for these destinations."""
        job_id = self.receive(number)
        job = next(j for j in self.claim() if j.id == job_id)
        planned = tuple(
            PlannedDelivery(d, result) for d in destinations for result in results(number)
        )
        assert self.queue.settle(job, Analysed(VERDICT, planned), self.now)
        return job_id

    def take(self, destination: str = "pacs", limit: int = 10) -> list[Delivery]:
        """Claim deliveries of a destination."""
        return self.deliveries.claim(destination, "c1", self.now, self.now + LEASE, limit)


@pytest.fixture
def open_table(database_url: str) -> Callable[[], Table]:
    """Return a function that opens the table as another process does."""
    schema.upgrade(open_engine(database_url))
    return lambda: Table(open_engine(database_url))


@pytest.fixture
def table(open_table: Callable[[], Table]) -> Table:
    """Return an empty job table."""
    return open_table()
