"""The seams of the house: what roles need from the rooms below them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from models.gate.image_findings import ImageFindings
from models.images.radiograph import Radiograph
from node.domain.audit_events import AuditEvent
from node.domain.decision.prediction import ModelIdentity, Prediction
from node.domain.radiograph.pixels import Case
from node.domain.workflow.delivery import CommitmentReport


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

    def look(self, films: Sequence[Radiograph]) -> list[ImageFindings]:
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
