from dataclasses import replace

import pytest

from node.domain.workflow.delivery import DeliveryState, ResultKind
from node.domain.workflow.job import JobState
from tests.fault_injection.invariants import (
    AcknowledgedFilm,
    ArchivedResult,
    DeliveryRecord,
    ExpectedEnd,
    JobRecord,
    Observation,
    ViolationKind,
    find_violations,
)

PACS, WEB = "pacs", "web"
FILM = AcknowledgedFilm("1.1", "1.9")
LOST, DUPLICATED, STUCK = ViolationKind


def deliveries(number: str, destination: str = PACS) -> tuple[DeliveryRecord, ...]:
    """Return the deliveries of a film's two results."""
    return tuple(
        DeliveryRecord(destination, kind, f"2.{number}.{kind}", DeliveryState.DELIVERED)
        for kind in (ResultKind.REPORT, ResultKind.HEATMAP)
    )


def archived(*sent: DeliveryRecord) -> tuple[ArchivedResult, ...]:
    """Return the archived objects that belong to these deliveries."""
    return tuple(ArchivedResult(d.destination, FILM.study, d.kind, d.uid) for d in sent)


DONE = JobRecord(FILM.uid, FILM.study, JobState.DONE, deliveries=deliveries("1"))
OTHER = replace(DONE, deliveries=deliveries("2"))
COMPLETE = Observation((PACS,), (FILM,), (DONE,), archived(*DONE.deliveries))
TWO_JOBS = replace(
    COMPLETE, jobs=(DONE, OTHER), archived=archived(*DONE.deliveries, *OTHER.deliveries)
)


def kinds(observation: Observation) -> list[ViolationKind]:
    return [violation.kind for violation in find_violations(observation)]


def test_one_job_with_report_and_heatmap_is_complete() -> None:
    assert find_violations(COMPLETE) == []


def test_a_job_without_acknowledgement_is_allowed() -> None:
    """The node stored the film, but its answer did not reach the sender."""
    assert find_violations(replace(COMPLETE, acknowledged=())) == []


def test_an_acknowledged_film_without_a_job_is_lost() -> None:
    assert kinds(replace(COMPLETE, jobs=(), archived=())) == [LOST]


@pytest.mark.parametrize("missing", [0, 1])
def test_a_result_that_the_archive_does_not_have_is_lost(missing: int) -> None:
    results = tuple(r for index, r in enumerate(COMPLETE.archived) if index != missing)
    assert kinds(replace(COMPLETE, archived=results)) == [LOST]


def test_a_done_job_without_a_heatmap_is_lost() -> None:
    job = replace(DONE, deliveries=DONE.deliveries[:1])
    assert kinds(replace(COMPLETE, jobs=(job,), archived=archived(*job.deliveries))) == [LOST]


def test_every_destination_must_have_all_results() -> None:
    assert kinds(replace(COMPLETE, destinations=(PACS, WEB))) == [LOST, LOST]
    job = replace(DONE, deliveries=(*DONE.deliveries, *deliveries("1", WEB)))
    complete = Observation((PACS, WEB), (FILM,), (job,), archived(*job.deliveries))
    assert find_violations(complete) == []


def test_two_jobs_for_one_film_are_a_duplicate() -> None:
    assert kinds(TWO_JOBS) == [DUPLICATED]


def test_two_contents_with_one_uid_are_two_films() -> None:
    """Each content needs its own job and results; with shared results, a film is lost."""
    films = (replace(FILM, content="a"), replace(FILM, content="b"))
    assert find_violations(replace(TWO_JOBS, acknowledged=films)) == []
    assert kinds(replace(COMPLETE, acknowledged=films)) == [LOST]
    shared = replace(COMPLETE, acknowledged=films, jobs=(DONE, DONE))
    assert set(kinds(shared)) == {LOST}


def test_an_archived_object_that_no_job_sent_is_a_duplicate() -> None:
    """An archive cannot recognise that a second report with another UID is a duplicate."""
    second = ArchivedResult(PACS, FILM.study, ResultKind.REPORT, "2.7")
    assert kinds(replace(COMPLETE, archived=(*COMPLETE.archived, second))) == [DUPLICATED]


def test_two_deliveries_of_a_report_are_a_duplicate() -> None:
    second = DeliveryRecord(PACS, ResultKind.REPORT, "2.7", DeliveryState.DELIVERED)
    job = replace(DONE, deliveries=(*DONE.deliveries, second))
    observation = replace(COMPLETE, jobs=(job,), archived=archived(*job.deliveries))
    assert kinds(observation) == [DUPLICATED]


@pytest.mark.parametrize("state", [JobState.RECEIVED, JobState.ANALYSING, JobState.ANALYSED])
def test_a_job_that_has_not_ended_is_stuck(state: JobState) -> None:
    assert kinds(replace(COMPLETE, jobs=(replace(DONE, state=state),))) == [STUCK]


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.REJECTED, JobState.CANCELLED])
def test_an_unexpected_end_state_is_lost(state: JobState) -> None:
    job = JobRecord(FILM.uid, FILM.study, state, "some error")
    assert kinds(replace(COMPLETE, jobs=(job,), archived=())) == [LOST]


def test_an_expected_end_state_must_have_the_expected_error() -> None:
    failed = JobRecord(FILM.uid, FILM.study, JobState.FAILED, "the spooled film is damaged")
    expected = {FILM.uid: ExpectedEnd(JobState.FAILED, "damaged")}
    observation = replace(COMPLETE, jobs=(failed,), archived=(), expected_ends=expected)
    assert find_violations(observation) == []
    assert kinds(replace(observation, jobs=(replace(failed, error=""),))) == [LOST]
    assert kinds(replace(observation, jobs=(DONE,), archived=COMPLETE.archived)) == [LOST]
