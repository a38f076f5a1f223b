"""A job is one film on its way through the node: its states, and one table of transitions.

A state's comment says what is durable in it and who moves it on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.gate.image_findings import ImageFindings
from node.domain.admission.header_rules import Admission, Admitted
from node.domain.decision.prediction import Verdict
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import PlannedDelivery, Reference
from node.domain.workflow.retry import Failed, RetryAt


class JobState(StrEnum):
    """Where one film stands."""

    RECEIVED = "RECEIVED"  # film bytes and row; analyse moves it on, by claim
    ANALYSING = "ANALYSING"  # a lease; analyse settles it, rescue returns it on expiry
    ANALYSED = "ANALYSED"  # result bytes and deliveries; the last delivery moves it on
    DONE = "DONE"  # every delivery delivered; final
    REJECTED = "REJECTED"  # a coded reason; final
    FAILED = "FAILED"  # the error; the operator moves it on: retry or cancel
    CANCELLED = "CANCELLED"  # the event says who and when; final


class JobEvent(StrEnum):
    """What moves a job."""

    CLAIM = "claim"
    ANALYSE = "analyse"
    RETRY = "retry"
    REJECT = "reject"
    FAIL = "fail"
    EXPIRE = "expire"
    FINISH = "finish"
    REOPEN = "reopen"
    REDELIVER = "redeliver"
    CANCEL = "cancel"
    REANALYSE = "reanalyse"
    RESEND = "resend"


JOB_TRANSITIONS: Mapping[tuple[JobState, JobEvent], JobState] = {
    (JobState.RECEIVED, JobEvent.CLAIM): JobState.ANALYSING,
    (JobState.ANALYSING, JobEvent.ANALYSE): JobState.ANALYSED,
    (JobState.ANALYSING, JobEvent.RETRY): JobState.RECEIVED,
    (JobState.ANALYSING, JobEvent.EXPIRE): JobState.RECEIVED,
    (JobState.ANALYSING, JobEvent.REJECT): JobState.REJECTED,
    (JobState.ANALYSING, JobEvent.FAIL): JobState.FAILED,
    (JobState.ANALYSED, JobEvent.FINISH): JobState.DONE,
    (JobState.ANALYSED, JobEvent.FAIL): JobState.FAILED,
    (JobState.FAILED, JobEvent.REOPEN): JobState.RECEIVED,
    (JobState.FAILED, JobEvent.REDELIVER): JobState.ANALYSED,
    (JobState.FAILED, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.RECEIVED, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.DONE, JobEvent.REANALYSE): JobState.RECEIVED,
    (JobState.FAILED, JobEvent.REANALYSE): JobState.RECEIVED,
    (JobState.DONE, JobEvent.RESEND): JobState.ANALYSED,
    (JobState.FAILED, JobEvent.RESEND): JobState.ANALYSED,
}


FINAL = frozenset({JobState.DONE, JobState.REJECTED, JobState.CANCELLED})
"""The states that only an operator moves on; the bytes of a job in one of them may be purged."""


@dataclass(frozen=True, slots=True)
class Job:
    """One film and how far it has come. `attempt` is counted at the claim.

    `reports` are those of earlier analyses, oldest first. `admission` is what was decided by the
    header, `seen` what the pixels have shown since. `chosen` is the film of the same study that was
    scored in its place.
    """

    id: int
    state: JobState
    film: Film
    spool_key: str
    attempt: int
    received_at: datetime
    updated_at: datetime
    worker: str = ""
    reason: str = ""
    error: str = ""
    verdict: Verdict | None = None
    reports: tuple[Reference, ...] = ()
    admission: Admission = field(default_factory=Admitted)
    seen: ImageFindings | None = None
    chosen: str = ""


@dataclass(frozen=True, slots=True)
class Analysed:
    """The film was scored, or a report says why it was not; these results go out."""

    verdict: Verdict
    parcels: tuple[PlannedDelivery, ...]
    seen: ImageFindings | None = None


@dataclass(frozen=True, slots=True)
class NotScored:
    """The film's pixels say that it must not be scored."""

    reason: str
    text: str
    seen: ImageFindings | None = None


AnalysisOutcome = Analysed | NotScored | RetryAt | Failed


def sources(event: JobEvent) -> list[JobState]:
    """Return the states that an event moves a job from."""
    return [state for state, moved in JOB_TRANSITIONS if moved is event]


def target(event: JobEvent) -> JobState:
    """Return the one state that an event moves a job to."""
    return next(to for (_, moved), to in JOB_TRANSITIONS.items() if moved is event)
