"""A delivery is one result object on its way to one destination: states, transitions, routes.

A state's comment says what is durable in it and who moves it on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from node.domain.workflow.retry import Failed, RetryAt


class DeliveryState(StrEnum):
    """Where one result object stands on its way to one destination."""

    PENDING = "PENDING"  # bytes and `run_after`; deliver moves it on, by claim
    SENDING = "SENDING"  # a lease; deliver settles it, rescue returns it on expiry
    AWAITING_COMMITMENT = "AWAITING_COMMITMENT"  # stored; the report or a time-out moves it on
    DELIVERED = "DELIVERED"  # committed, or stored where commitment is off; final
    FAILED = "FAILED"  # the error; the operator moves it on


class DeliveryEvent(StrEnum):
    """What moves a delivery."""

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


SETTLED = frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED})
"""The states in which a job no longer waits for a delivery."""


class ResultKind(StrEnum):
    """What is sent back for a film."""

    REPORT = "report"
    HEATMAP = "heatmap"
    TEXT = "text"


DOCUMENTS = (ResultKind.REPORT, ResultKind.TEXT)
"""The kinds that name the one they replace."""


class SrClass(StrEnum):
    """Which SOP Class a report has; the content is the same in both."""

    COMPREHENSIVE_3D = "comprehensive3d"
    COMPREHENSIVE = "comprehensive"  # for archives that do not know the newer class


class When(StrEnum):
    """For which films a destination gets results."""

    ALWAYS = "always"
    FLAGGED = "flagged"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One result object on its way to one destination.

    `study_instance_uid` is that of its film, where a courier has it: empty elsewhere.
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
    """What destinations differ in about a report: its SOP Class, and whether it has the heatmap
    to refer to.
    """

    sr_class: SrClass = SrClass.COMPREHENSIVE_3D
    shows_heatmap: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """One object built for a film: identity, and the spool key of its bytes.

    `form` is that of a report; the other kinds are one for all destinations.
    """

    kind: ResultKind
    sop_class_uid: str
    sop_instance_uid: str
    spool_key: str
    series_instance_uid: str
    form: ReportVariant | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A result that was built before, as a later one names it."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """A result that a destination is to receive."""

    destination: str
    result: Result


@dataclass(frozen=True, slots=True)
class Route:
    """What one destination wants: which kinds of result, in which class, and for which films.

    One in shadow gets nothing, whatever it wants: it is only noted for which films that was.
    """

    destination: str
    send: tuple[ResultKind, ...]
    when: When
    sr_class: SrClass = SrClass.COMPREHENSIVE_3D
    shadow: bool = False

    @property
    def form(self) -> ReportVariant:
        """The form of its reports: none refers to a heatmap that the destination does not get."""
        return ReportVariant(self.sr_class, ResultKind.HEATMAP in self.send)

    def wants(self, flagged: bool) -> bool:
        """Return whether it wants the results of a film that is flagged, or is not."""
        return self.when is When.ALWAYS or flagged


def plan_deliveries(
    results: tuple[Result, ...], routes: tuple[Route, ...], flagged: bool
) -> list[PlannedDelivery]:
    """Return what is to be delivered where for one film."""
    return [
        PlannedDelivery(route.destination, result)
        for route in active_routes(routes)
        if route.wants(flagged)
        for result in results
        if result.kind in route.send and result.form in (None, route.form)
    ]


def active_routes(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Return the routes that are not in shadow: nothing is built for the others."""
    return tuple(route for route in routes if not route.shadow)


def shadow_destinations(routes: tuple[Route, ...], flagged: bool) -> tuple[str, ...]:
    """Return the destinations that would get results of one film, were they not in shadow."""
    return tuple(r.destination for r in routes if r.shadow and r.wants(flagged))


@dataclass(frozen=True, slots=True)
class Stored:
    """The destination has taken the object, and no commitment is asked for."""


@dataclass(frozen=True, slots=True)
class AwaitCommitment:
    """The destination has taken the object; its commitment is asked for until `until`."""

    transaction_uid: str
    until: datetime


DeliveryOutcome = Stored | AwaitCommitment | RetryAt | Failed


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """What a PACS says of one transaction: SOP Instance UIDs committed, and failed by reason."""

    transaction_uid: str
    committed: tuple[str, ...]
    failed: Mapping[str, int]


def sources(event: DeliveryEvent) -> list[DeliveryState]:
    """Return the states that an event moves a delivery from."""
    return [state for state, moved in DELIVERY_TRANSITIONS if moved is event]


def target(event: DeliveryEvent) -> DeliveryState:
    """Return the one state that an event moves a delivery to."""
    return next(to for (_, moved), to in DELIVERY_TRANSITIONS.items() if moved is event)
