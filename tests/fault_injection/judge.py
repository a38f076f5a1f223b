"""What became of the films that were acknowledged: a pure comparison of three records.

The sender's record of what was acknowledged, the node's job table, and what each PACS holds.
Any film that is missing, doubled or stuck is a finding, with the reason.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from node.domain.workflow.delivery import DeliveryState, ResultKind
from node.domain.workflow.job import FINAL_JOB_STATES, JobState

EACH = (ResultKind.REPORT, ResultKind.HEATMAP)
"""What every destination is to hold of a film, one of each."""
_ENDED = FINAL_JOB_STATES | {JobState.FAILED}


class Fault(StrEnum):
    """What can have become of a film that must not."""

    LOST = "lost"  # acknowledged, and no results, or an end that the fault does not explain
    DUPLICATED = "duplicated"  # more rows, or more objects in a PACS, than there are films
    WEDGED = "wedged"  # still under way when the time was up


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A film that the node answered with 0x0000; `content` tells bytes under one UID apart."""

    uid: str
    study: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery of a row: which object goes where, and how it stands."""

    destination: str
    kind: ResultKind
    uid: str
    state: DeliveryState


@dataclass(frozen=True, slots=True)
class Row:
    """One job; `why` is its reason and its errors, those of its deliveries included."""

    uid: str
    study: str
    state: JobState
    why: str = ""
    sent: tuple[Sent, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """One object in a PACS; `destination` is the node's name for that PACS."""

    destination: str
    study: str
    kind: ResultKind
    uid: str


@dataclass(frozen=True, slots=True)
class Ending:
    """An end that a fault explains: the state, and words that the row must say."""

    state: JobState
    says: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """The three records, taken when all had ended or the time was up."""

    destinations: tuple[str, ...]
    acknowledged: tuple[Acknowledged, ...]
    rows: tuple[Row, ...]
    held: tuple[Held, ...]
    endings: Mapping[str, Ending] = field(default_factory=dict)
    """By UID, for films that are not to end DONE."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What went wrong with one film."""

    fault: Fault
    uid: str
    why: str


def judge(seen: Observation) -> list[Finding]:
    """Return what went wrong, nothing where every film ended as it must."""
    contents: dict[str, set[str]] = {}
    for one in seen.acknowledged:
        contents.setdefault(one.uid, set()).add(one.content)
    rows: dict[str, list[Row]] = {}
    for row in seen.rows:
        rows.setdefault(row.uid, []).append(row)
    findings = [
        finding
        for uid, sent in contents.items()
        for finding in _film(seen, uid, len(sent), rows.get(uid, []))
    ]
    return [*findings, *_doubled(seen)]


def _film(seen: Observation, uid: str, contents: int, rows: Sequence[Row]) -> Iterator[Finding]:
    if len(rows) < contents:
        yield Finding(Fault.LOST, uid, f"{contents} acknowledged, {len(rows)} in the job table")
    if len(rows) > contents:
        yield Finding(Fault.DUPLICATED, uid, f"{len(rows)} rows for {contents} films")
    for row in rows:
        yield from _row(seen, row)


def _row(seen: Observation, row: Row) -> Iterator[Finding]:
    wanted = seen.endings.get(row.uid, Ending(JobState.DONE))
    if row.state not in _ENDED:
        yield Finding(Fault.WEDGED, row.uid, f"still {row.state}: {row.why or 'no error'}")
    elif row.state is not wanted.state or not re.search(wanted.says, row.why):
        yield Finding(Fault.LOST, row.uid, f"ended {row.state}, not as {wanted}: {row.why}")
    elif row.state is JobState.DONE:
        yield from _results(seen, row)


def _results(seen: Observation, row: Row) -> Iterator[Finding]:
    """Look for one object of each kind at each destination, on record and in the PACS."""
    there = {(one.destination, one.kind, one.uid) for one in seen.held}
    for destination in seen.destinations:
        for kind in EACH:
            uids = [s.uid for s in row.sent if (s.destination, s.kind) == (destination, kind)]
            if len(uids) > 1:
                yield Finding(Fault.DUPLICATED, row.uid, f"{len(uids)} x {kind} to {destination}")
            if not uids:
                yield Finding(Fault.LOST, row.uid, f"no {kind} for {destination} on record")
            elif (destination, kind, uids[0]) not in there:
                yield Finding(Fault.LOST, row.uid, f"{destination} does not hold its {kind}")


def _doubled(seen: Observation) -> Iterator[Finding]:
    """Look for objects that no row accounts for, and for two films with one result."""
    ours = Counter((s.destination, s.uid) for row in seen.rows for s in row.sent)
    for one in seen.held:
        if (one.destination, one.uid) not in ours:
            what = f"{one.destination} holds a {one.kind} that no row sent"
            yield Finding(Fault.DUPLICATED, one.study, what)
    for (destination, uid), rows in ours.items():
        if rows > 1:
            yield Finding(Fault.LOST, uid, f"{rows} films have one result at {destination}")
