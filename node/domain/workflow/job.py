"""The states and the transition table of jobs; a job is one film in the node.

The comment of each state describes what is durable and which event ends the state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.gate.image_findings import ImageFindings
from node.domain.admission.header_rules import Admission, Admitted
from node.domain.decision.prediction import Verdict
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import PlannedDelivery, ResultReference
from node.domain.workflow.retry import Failed, RetryAt


class JobState(StrEnum):
    """State of a job."""

    RECEIVED = "RECEIVED"  # Film and row are durable. The analyse role claims the job.
    ANALYSING = "ANALYSING"  # A worker holds a lease until the work ends or the lease expires.
    ANALYSED = "ANALYSED"  # Results and deliveries are durable. The last delivery ends the job.
    DONE = "DONE"  # Every delivery is DELIVERED. Only an operator changes this state.
    REJECTED = "REJECTED"  # The film was refused with a coded reason. The state is final.
    FAILED = "FAILED"  # The error is stored. An operator can retry, re-analyse or cancel the job.
    CANCELLED = "CANCELLED"  # An operator cancelled the job. The state is final.


class JobEvent(StrEnum):
    """An event that changes the state of a job."""

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


FINAL_JOB_STATES = frozenset({JobState.DONE, JobState.REJECTED, JobState.CANCELLED})
"""Final states; the files of jobs in these states may be purged after the retention period."""


@dataclass(frozen=True, slots=True)
class Job:
    """A film in the node, with its state; each claim increases `attempt`.

    `reports` are the reports of earlier analyses, oldest first. `image_findings` are the findings
    of the gate. `scored_film_uid`, if not empty, is the SOP Instance UID of the film of the same
    study that was scored instead of this film.
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
    reports: tuple[ResultReference, ...] = ()
    admission: Admission = field(default_factory=Admitted)
    image_findings: ImageFindings | None = None
    scored_film_uid: str = ""


@dataclass(frozen=True, slots=True)
class Analysed:
    """The film was scored, or a report states why not; the results are to be delivered."""

    verdict: Verdict
    deliveries: tuple[PlannedDelivery, ...]
    image_findings: ImageFindings | None = None


@dataclass(frozen=True, slots=True)
class NotScored:
    """The film was refused during its analysis, and no report is sent."""

    reason: str
    text: str
    image_findings: ImageFindings | None = None


AnalysisOutcome = Analysed | NotScored | RetryAt | Failed


def states_before(event: JobEvent) -> list[JobState]:
    """Return the states in which an event may occur."""
    return [state for state, trigger in JOB_TRANSITIONS if trigger is event]


def state_after(event: JobEvent) -> JobState:
    """Return the state that follows an event."""
    return next(end for (_, trigger), end in JOB_TRANSITIONS.items() if trigger is event)
