"""The interfaces that workers use: the model, a destination and the audit trail."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from models.gate.image_findings import ImageFindings
from models.images.radiograph import Radiograph
from node.domain.audit_events import AuditEvent
from node.domain.decision.prediction import ModelIdentity, Prediction
from node.domain.radiograph.case import Case
from node.domain.workflow.delivery import CommitmentReport


class Predictor(Protocol):
    """A loaded bundle on a device."""

    @property
    def identity(self) -> ModelIdentity:
        """Name, version, digest and intended use of the bundle."""

    @property
    def has_gate(self) -> bool:
        """Whether the bundle has a gate."""

    def decode(self, path: Path) -> Radiograph:
        """Return a film's pixels, or raise Rejected if they cannot be scored; thread-safe."""

    def check_images(self, films: Sequence[Radiograph]) -> list[ImageFindings]:
        """Return the gate's findings for each film, in order, or [] without a gate."""

    def predict(self, cases: Sequence[Case]) -> list[Prediction]:
        """Score a batch of films, in order; a clinical score needs age, sex, weight and height."""


class Archive(Protocol):
    """An open association to one destination."""

    def store(self, path: Path) -> None:
        """Send one object; raise Transient or Permanent if the destination did not store it."""

    def request_commitment(
        self, transaction_uid: str, objects: Sequence[tuple[str, str]]
    ) -> CommitmentReport | None:
        """Request commitment of (SOP Class, SOP Instance) pairs; return an immediate report."""


class Audit(Protocol):
    """The audit trail, for code that records events."""

    def record(self, event: AuditEvent) -> None:
        """Record an event; a failure raises no exception, so that films are not affected."""
