"""The seams of the house: what roles need from the rooms below them."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from node.challenger.states import CanaryFilm, CanaryOutcome
from node.domain.admission.header_rules import Admission
from node.domain.admission.image_findings import Seen
from node.domain.audit_events import AuditEvent
from node.domain.decision.prediction import ModelIdentity, Prediction
from node.domain.decision.prior_studies import PriorResult
from node.domain.radiograph.film import Film
from node.domain.radiograph.pixels import Case, Radiograph
from node.domain.workflow.delivery import CommitmentReport, Delivery, DeliveryOutcome
from node.domain.workflow.job import AnalysisOutcome, Job


class Intake(Protocol):
    """The side of the job table that ingest sees."""

    def receive(
        self, film: Film, admission: Admission, spool_key: str, now: datetime, who: str = ""
    ) -> bool:
        """Insert a film's job, durable on return; False if the very film is known already.

        `who` brought it goes on record; the calling AE, if nobody is named.
        """

    def report_commitment(self, report: CommitmentReport, now: datetime) -> int:
        """Settle the deliveries that a commitment report names; return how many there were."""


class Queue(Protocol):
    """The side of the job table that analyse sees."""

    def claim(self, worker: str, now: datetime, until: datetime, limit: int) -> list[Job]:
        """Lease up to `limit` waiting jobs, oldest first, and count the attempt."""

    def earlier(self, job: Job, since: date) -> list[PriorResult]:
        """Return what films of the same patient, taken since then, came to, newest first."""

    def renew(self, jobs: Sequence[Job], until: datetime) -> int:
        """Extend the leases still held; return how many."""

    def settle(self, job: Job, outcome: AnalysisOutcome, now: datetime) -> bool:
        """Record an outcome; False where the lease was lost and nothing was changed."""


class CanaryQueue(Protocol):
    """The side of the job table that the canary sees."""

    def claim(self, worker: str, now: datetime, until: datetime, limit: int) -> list[CanaryFilm]:
        """Lease up to `limit` scored films that are still in the spool, oldest first."""

    def renew(self, films: Sequence[CanaryFilm], until: datetime) -> int:
        """Extend the leases still held; return how many."""

    def settle(self, film: CanaryFilm, outcome: CanaryOutcome, now: datetime) -> bool:
        """Record an outcome; False where the lease was lost and nothing was changed."""


class Outbox(Protocol):
    """The side of the job table that deliver sees."""

    def claim(
        self, destination: str, worker: str, now: datetime, until: datetime, limit: int
    ) -> list[Delivery]:
        """Lease up to `limit` deliveries that wait for this destination, oldest first."""

    def settle(self, delivery: Delivery, outcome: DeliveryOutcome, now: datetime) -> bool:
        """Record an outcome; False where the lease was lost and nothing was changed."""

    def renew(self, deliveries: Sequence[Delivery], until: datetime) -> int:
        """Extend the leases still held; return how many."""

    def report_commitment(self, report: CommitmentReport, now: datetime) -> int:
        """Settle the deliveries that a commitment report names; return how many there were."""


class Care(Protocol):
    """The side of the job table that upkeep sees."""

    def rescue(self, now: datetime) -> int:
        """Take back what dead workers held; return how many."""

    def expire_commitments(self, now: datetime) -> int:
        """Send again what a PACS has stored and never committed; return how many."""

    def spend_keys(self, films_before: datetime, results_before: datetime) -> list[str]:
        """Forget keys past their retention that no unfinished job refers to; return some of them,
        none where there are no more.
        """

    def purge_rows(self, before: datetime) -> int:
        """Delete final jobs last touched before then; return how many."""

    def known_keys(self) -> set[str]:
        """Return every spool key that a row refers to."""

    def depths(self) -> dict[str, int]:
        """Return how many wait: films to be scored, and results for each destination."""


class Spool(Protocol):
    """Durable bytes, found again by key. Keys are digests; no peer's value becomes a path."""

    def adopt(self, source: Path, digest: str) -> str:
        """Take over a film's file by rename, durable on return; return its key."""

    def write(self, content: bytes) -> str:
        """Keep a result's bytes, durable on return; return their key."""

    def path(self, key: str) -> Path:
        """Return where a key's bytes lie; raise Permanent for what is no key of ours."""

    def intact(self, key: str) -> Path:
        """Return where a result's bytes lie; raise Permanent where they are not those written."""

    def has_room(self) -> bool:
        """Return whether films may be taken, as far as the disk is concerned."""


class SpoolCare(Protocol):
    """The side of the spool that upkeep sees."""

    def keys(self, untouched_since: float) -> Iterator[str]:
        """Yield the keys of the files not modified after this POSIX time."""

    def path(self, key: str) -> Path:
        """Return where a key's bytes lie; raise Permanent for what is no key of ours."""

    def remove(self, key: str) -> None:
        """Delete a key's bytes, if they are there."""

    def sweep_incoming(self, untouched_since: float) -> int:
        """Delete what broken transfers left behind; return how many files."""


class Predictor(Protocol):
    """A loaded bundle on a device."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""

    def decode(self, path: Path) -> Radiograph:
        """Read a film's pixels; raise Rejected for what cannot be scored. Threads may share it."""

    @property
    def looks(self) -> bool:
        """Whether it has a gate, which sees what films show."""

    def look(self, films: Sequence[Radiograph]) -> list[Seen]:
        """Return what each film shows, in order; nothing where it has no gate."""

    def predict(self, cases: Sequence[Case]) -> list[Prediction]:
        """Score a batch of films, in order; a missing fact costs the clinical score alone."""


class Archive(Protocol):
    """One destination: an open association to a PACS."""

    def store(self, path: Path) -> None:
        """Send one object; return once it counts as stored, else raise Transient or Permanent."""

    def request_commitment(
        self, transaction_uid: str, objects: Sequence[tuple[str, str]]
    ) -> CommitmentReport | None:
        """Ask for commitment of (SOP Class, SOP Instance) pairs; return a report that came."""


class Audit(Protocol):
    """The audit trail, as whoever has something to tell sees it."""

    def record(self, event: AuditEvent) -> None:
        """Tell the trail; never raises, since no film waits for a record that cannot be made."""
