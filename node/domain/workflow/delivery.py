"""States, transitions and routes of deliveries; a delivery is one result for one destination.

The comment of each state describes what is durable and which event ends the state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from node.domain.sop_class import SopClass
from node.domain.workflow.retry import Failed, RetryAt


class DeliveryState(StrEnum):
    """State of a delivery."""

    PENDING = "PENDING"  # Result and `run_after` are durable. The deliver role claims the delivery.
    SENDING = "SENDING"  # A worker holds a lease until the work ends or the lease expires.
    AWAITING_COMMITMENT = "AWAITING_COMMITMENT"  # The node waits for the PACS's commitment report.
    DELIVERED = "DELIVERED"  # The destination stored (and, if configured, committed) the result.
    FAILED = "FAILED"  # The error is stored. An operator can retry or resend the delivery.


class DeliveryEvent(StrEnum):
    """An event that changes the state of a delivery."""

    CLAIM = "claim"
    STORE = "store"
    REQUEST_COMMITMENT = "request-commitment"
    COMMIT = "commit"
    REFUSE_COMMITMENT = "refuse-commitment"
    RETRY = "retry"
    EXPIRE = "expire"
    FAIL = "fail"
    REOPEN = "reopen"
    RESEND = "resend"


DELIVERY_TRANSITIONS: Mapping[tuple[DeliveryState, DeliveryEvent], DeliveryState] = {
    (DeliveryState.PENDING, DeliveryEvent.CLAIM): DeliveryState.SENDING,
    (DeliveryState.SENDING, DeliveryEvent.STORE): DeliveryState.DELIVERED,
    (
        DeliveryState.SENDING,
        DeliveryEvent.REQUEST_COMMITMENT,
    ): DeliveryState.AWAITING_COMMITMENT,
    (DeliveryState.SENDING, DeliveryEvent.RETRY): DeliveryState.PENDING,
    (DeliveryState.SENDING, DeliveryEvent.EXPIRE): DeliveryState.PENDING,
    (DeliveryState.SENDING, DeliveryEvent.FAIL): DeliveryState.FAILED,
    (DeliveryState.AWAITING_COMMITMENT, DeliveryEvent.COMMIT): DeliveryState.DELIVERED,
    (DeliveryState.AWAITING_COMMITMENT, DeliveryEvent.EXPIRE): DeliveryState.PENDING,
    (
        DeliveryState.AWAITING_COMMITMENT,
        DeliveryEvent.REFUSE_COMMITMENT,
    ): DeliveryState.PENDING,
    (DeliveryState.AWAITING_COMMITMENT, DeliveryEvent.FAIL): DeliveryState.FAILED,
    (DeliveryState.FAILED, DeliveryEvent.REOPEN): DeliveryState.PENDING,
    (DeliveryState.FAILED, DeliveryEvent.RESEND): DeliveryState.PENDING,
    (DeliveryState.DELIVERED, DeliveryEvent.RESEND): DeliveryState.PENDING,
}


FINAL_DELIVERY_STATES = frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED})
"""The final states of a delivery; a job waits until all its deliveries are in these states."""


class ResultKind(StrEnum):
    """Kind of a result."""

    REPORT = "report"
    HEATMAP = "heatmap"
    TEXT = "text"


KINDS_WITH_PREDECESSOR = (ResultKind.REPORT, ResultKind.TEXT)
"""Kinds of results that refer to the document that they supersede."""


class SrClass(StrEnum):
    """The SOP Class of a report; the content of the report is the same for each class."""

    COMPREHENSIVE_3D = "comprehensive3d"
    COMPREHENSIVE = "comprehensive"  # for archives that do not support Comprehensive 3D SR


REPORT_SOP_CLASSES: Mapping[SrClass, SopClass] = {
    SrClass.COMPREHENSIVE_3D: SopClass.COMPREHENSIVE_3D_SR,
    SrClass.COMPREHENSIVE: SopClass.COMPREHENSIVE_SR,
}


class SendCondition(StrEnum):
    """The condition under which a destination receives a film's results."""

    ALWAYS = "always"  # for every film
    FLAGGED = "flagged"  # only for flagged films


@dataclass(frozen=True, slots=True)
class Delivery:
    """One result for one destination.

    `study_instance_uid` is set only in deliveries that a worker has claimed.
    """

    id: int
    job_id: int
    destination: str
    kind: ResultKind
    sop_class_uid: str
    sop_instance_uid: str
    spool_key: str
    state: DeliveryState
    attempt: int
    worker: str = ""
    error: str = ""
    transaction_uid: str = ""
    run_after: datetime | None = None
    study_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class ReportVariant:
    """A variant of the report: its SOP Class, and whether it refers to the heatmap."""

    sr_class: SrClass = SrClass.COMPREHENSIVE_3D
    shows_heatmap: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """A result of a film, with its UIDs and its spool key; only reports have a `variant`."""

    kind: ResultKind
    sop_class_uid: str
    sop_instance_uid: str
    spool_key: str
    series_instance_uid: str
    variant: ReportVariant | None = None


@dataclass(frozen=True, slots=True)
class ResultReference:
    """The UIDs that identify an earlier result."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """A result that a destination will receive."""

    destination: str
    result: Result


@dataclass(frozen=True, slots=True)
class Route:
    """The results configured for one destination.

    A destination in shadow mode receives no result, and the verdict names this destination.
    """

    destination: str
    send: tuple[ResultKind, ...]
    when: SendCondition
    sr_class: SrClass = SrClass.COMPREHENSIVE_3D
    shadow: bool = False

    @property
    def variant(self) -> ReportVariant:
        """The variant of the reports, which refer to the heatmap only if heatmaps are sent."""
        return ReportVariant(self.sr_class, ResultKind.HEATMAP in self.send)

    def accepts(self, flagged: bool) -> bool:
        """Return whether the destination receives the results of a film with this flag."""
        return self.when is SendCondition.ALWAYS or flagged


def plan_deliveries(
    results: tuple[Result, ...], routes: tuple[Route, ...], flagged: bool
) -> list[PlannedDelivery]:
    """Return the deliveries of a film's results."""
    return [
        PlannedDelivery(route.destination, result)
        for route in active_routes(routes)
        if route.accepts(flagged)
        for result in results
        if result.kind in route.send and result.variant in (None, route.variant)
    ]


def active_routes(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Return the routes that are not in shadow mode."""
    return tuple(route for route in routes if not route.shadow)


def shadow_destinations(routes: tuple[Route, ...], flagged: bool) -> tuple[str, ...]:
    """Return the destinations that receive no results of a film because of shadow mode."""
    return tuple(r.destination for r in routes if r.shadow and r.accepts(flagged))


@dataclass(frozen=True, slots=True)
class Stored:
    """The destination stored the result; commitment is not configured."""


@dataclass(frozen=True, slots=True)
class AwaitCommitment:
    """The destination stored the result, and the commitment report is due at `until`."""

    transaction_uid: str
    until: datetime


DeliveryOutcome = Stored | AwaitCommitment | RetryAt | Failed


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """A storage commitment report: committed SOP Instance UIDs, and failed UIDs with reasons."""

    transaction_uid: str
    committed: tuple[str, ...]
    failed: Mapping[str, int]


def states_before(event: DeliveryEvent) -> list[DeliveryState]:
    """Return the states in which an event may occur."""
    return [state for state, trigger in DELIVERY_TRANSITIONS if trigger is event]


def state_after(event: DeliveryEvent) -> DeliveryState:
    """Return the state that follows an event."""
    return next(end for (_, trigger), end in DELIVERY_TRANSITIONS.items() if trigger is event)
