"""Compare acknowledged films, job table and archives; return every lost, duplicate or stuck film.

An acknowledged film must end DONE with one report and one heatmap at each destination, or in the
state that the fault explains.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from node.domain.workflow.delivery import DeliveryState, ResultKind
from node.domain.workflow.job import FINAL_JOB_STATES, JobState

KINDS = (ResultKind.REPORT, ResultKind.HEATMAP)
"""Every destination must have one result of each kind for each film."""
END_STATES = FINAL_JOB_STATES | {JobState.FAILED}


class ViolationKind(StrEnum):
    """The ways in which a film can violate the invariants."""

    LOST = "lost"  # acknowledged without results, or an end state that the fault does not explain
    DUPLICATED = "duplicated"  # more jobs, or more objects in an archive, than there are films
    STUCK = "stuck"  # not in an end state after the time limit


@dataclass(frozen=True, slots=True)
class AcknowledgedFilm:
    """A film that was answered 0x0000; `content` distinguishes films with the same UID."""

    uid: str
    study: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One delivery of a job."""

    destination: str
    kind: ResultKind
    uid: str
    state: DeliveryState


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job; `error` combines the reason and error of the job and the errors of deliveries."""

    uid: str
    study: str
    state: JobState
    error: str = ""
    deliveries: tuple[DeliveryRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchivedResult:
    """One object in an archive; `destination` is the archive's name in the configuration."""

    destination: str
    study: str
    kind: ResultKind
    uid: str


@dataclass(frozen=True, slots=True)
class ExpectedEnd:
    """An end state that a fault explains, and a pattern that the job's error must match."""

    state: JobState
    error: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """The acknowledged films, the jobs and the archived objects at the end of a trial."""

    destinations: tuple[str, ...]
    acknowledged: tuple[AcknowledgedFilm, ...]
    jobs: tuple[JobRecord, ...]
    archived: tuple[ArchivedResult, ...]
    expected_ends: Mapping[str, ExpectedEnd] = field(default_factory=dict)
    """The expected end of each film that must not end DONE, by SOP Instance UID."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation of the invariants by one film."""

    kind: ViolationKind
    uid: str
    text: str


def find_violations(observation: Observation) -> list[Violation]:
    """Return every violation of the invariants."""
    contents: dict[str, set[str]] = {}
    for film in observation.acknowledged:
        contents.setdefault(film.uid, set()).add(film.content)
    jobs: dict[str, list[JobRecord]] = {}
    for job in observation.jobs:
        jobs.setdefault(job.uid, []).append(job)
    violations = [
        violation
        for uid, film_contents in contents.items()
        for violation in _check_film(observation, uid, len(film_contents), jobs.get(uid, []))
    ]
    return [*violations, *_check_archives(observation)]


def _check_film(
    observation: Observation, uid: str, contents: int, jobs: Sequence[JobRecord]
) -> Iterator[Violation]:
    if len(jobs) < contents:
        text = f"{contents} acknowledged, {len(jobs)} in the job table"
        yield Violation(ViolationKind.LOST, uid, text)
    if len(jobs) > contents:
        yield Violation(ViolationKind.DUPLICATED, uid, f"{len(jobs)} jobs for {contents} films")
    for job in jobs:
        yield from _check_job(observation, job)


def _check_job(observation: Observation, job: JobRecord) -> Iterator[Violation]:
    expected = observation.expected_ends.get(job.uid, ExpectedEnd(JobState.DONE))
    if job.state not in END_STATES:
        text = f"still {job.state}: {job.error or 'no error'}"
        yield Violation(ViolationKind.STUCK, job.uid, text)
    elif job.state is not expected.state or not re.search(expected.error, job.error):
        text = f"ended {job.state}, expected {expected}: {job.error}"
        yield Violation(ViolationKind.LOST, job.uid, text)
    elif job.state is JobState.DONE:
        yield from _check_results(observation, job)


def _check_results(observation: Observation, job: JobRecord) -> Iterator[Violation]:
    """Check that each destination has one delivery and one archived object of each kind."""
    archived = {(r.destination, r.kind, r.uid) for r in observation.archived}
    for destination in observation.destinations:
        for kind in KINDS:
            uids = [d.uid for d in job.deliveries if (d.destination, d.kind) == (destination, kind)]
            if len(uids) > 1:
                text = f"{len(uids)} deliveries of a {kind} to {destination}"
                yield Violation(ViolationKind.DUPLICATED, job.uid, text)
            if not uids:
                text = f"no delivery of a {kind} to {destination}"
                yield Violation(ViolationKind.LOST, job.uid, text)
            elif (destination, kind, uids[0]) not in archived:
                yield Violation(ViolationKind.LOST, job.uid, f"{destination} has no {kind}")


def _check_archives(observation: Observation) -> Iterator[Violation]:
    """Check that each archived object belongs to one job."""
    deliveries = Counter((d.destination, d.uid) for job in observation.jobs for d in job.deliveries)
    for result in observation.archived:
        if (result.destination, result.uid) not in deliveries:
            text = f"{result.destination} has a {result.kind} that no job sent"
            yield Violation(ViolationKind.DUPLICATED, result.study, text)
    for (destination, uid), count in deliveries.items():
        if count > 1:
            text = f"{count} films share one result at {destination}"
            yield Violation(ViolationKind.LOST, uid, text)
