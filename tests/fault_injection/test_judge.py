"""The judge can say "lost", "duplicated" and "wedged", each for what it is and for nothing else."""

from dataclasses import replace

import pytest

from node.domain.workflow.delivery import DeliveryState, ResultKind
from node.domain.workflow.job import JobState
from tests.fault_injection.judge import (
    Acknowledged,
    Ending,
    Fault,
    Held,
    Observation,
    Row,
    Sent,
    judge,
)

PACS, WEB = "pacs", "web"
FILM = Acknowledged("1.1", "1.9")


def sent(number: str, destination: str = PACS) -> tuple[Sent, ...]:
    """Return the deliveries of a film's two results."""
    return tuple(
        Sent(destination, kind, f"2.{number}.{kind}", DeliveryState.DELIVERED)
        for kind in (ResultKind.REPORT, ResultKind.HEATMAP)
    )


def held(deliveries: tuple[Sent, ...], study: str = FILM.study) -> tuple[Held, ...]:
    """Return the objects of these deliveries, as their PACS holds them."""
    return tuple(Held(one.destination, study, one.kind, one.uid) for one in deliveries)


DONE = Row(FILM.uid, FILM.study, JobState.DONE, sent=sent("1"))
GOOD = Observation((PACS,), (FILM,), (DONE,), held(DONE.sent))


def faults(seen: Observation) -> list[Fault]:
    """Return what the judge finds."""
    return [finding.fault for finding in judge(seen)]


def test_a_film_with_one_of_each_is_as_it_should_be() -> None:
    """One row, one report, one heatmap."""
    assert judge(GOOD) == []


def test_nothing_acknowledged_is_nothing_lost() -> None:
    """A film in the table whose acknowledgement never arrived is fine."""
    assert judge(replace(GOOD, acknowledged=())) == []


def test_acknowledged_without_a_row_is_lost() -> None:
    """The worst that a node can do."""
    assert faults(replace(GOOD, rows=(), held=())) == [Fault.LOST]


@pytest.mark.parametrize("missing", [0, 1])
def test_a_result_that_the_pacs_does_not_hold_is_lost(missing: int) -> None:
    """DONE in the table is not enough."""
    kept = tuple(one for index, one in enumerate(GOOD.held) if index != missing)
    assert faults(replace(GOOD, held=kept)) == [Fault.LOST]


def test_a_result_that_was_never_built_is_lost() -> None:
    """DONE without a heatmap on record."""
    row = replace(DONE, sent=DONE.sent[:1])
    assert faults(replace(GOOD, rows=(row,), held=held(row.sent))) == [Fault.LOST]


def test_every_destination_is_looked_at() -> None:
    """One that got nothing is missed, though the other has all."""
    assert faults(replace(GOOD, destinations=(PACS, WEB))) == [Fault.LOST, Fault.LOST]
    both = replace(DONE, sent=(*DONE.sent, *sent("1", WEB)))
    everything = replace(GOOD, destinations=(PACS, WEB), rows=(both,), held=held(both.sent))
    assert judge(everything) == []


def test_two_rows_for_one_film_are_a_duplicate() -> None:
    """The same bytes must be one job."""
    other = replace(DONE, sent=sent("2"))
    seen = replace(GOOD, rows=(DONE, other), held=held(DONE.sent + other.sent))
    assert faults(seen) == [Fault.DUPLICATED]


def test_two_contents_under_one_uid_are_two_films() -> None:
    """Each with its own row and results; with one row, or results shared, one is lost."""
    other = replace(DONE, sent=sent("2"))
    two = (replace(FILM, content="a"), replace(FILM, content="b"))
    assert judge(Observation((PACS,), two, (DONE, other), held(DONE.sent + other.sent))) == []
    assert faults(replace(GOOD, acknowledged=two)) == [Fault.LOST]
    shared = replace(GOOD, acknowledged=two, rows=(DONE, DONE))
    assert set(faults(shared)) == {Fault.LOST}


def test_an_object_that_no_row_sent_is_a_duplicate() -> None:
    """A second report under another UID, which a PACS cannot know to be the same."""
    second = Held(PACS, FILM.study, ResultKind.REPORT, "2.7")
    assert faults(replace(GOOD, held=(*GOOD.held, second))) == [Fault.DUPLICATED]


def test_two_reports_on_record_are_a_duplicate() -> None:
    """Even where both were sent on purpose."""
    second = Sent(PACS, ResultKind.REPORT, "2.7", DeliveryState.DELIVERED)
    row = replace(DONE, sent=(*DONE.sent, second))
    assert faults(replace(GOOD, rows=(row,), held=held(row.sent))) == [Fault.DUPLICATED]


@pytest.mark.parametrize("state", [JobState.RECEIVED, JobState.ANALYSING, JobState.ANALYSED])
def test_what_has_not_ended_is_wedged(state: JobState) -> None:
    """Whatever it waits for."""
    assert faults(replace(GOOD, rows=(replace(DONE, state=state),))) == [Fault.WEDGED]


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.REJECTED, JobState.CANCELLED])
def test_an_end_that_the_fault_does_not_explain_is_lost(state: JobState) -> None:
    """A reason does not help where none was to be expected."""
    seen = replace(GOOD, rows=(Row(FILM.uid, FILM.study, state, "some error"),), held=())
    assert faults(seen) == [Fault.LOST]


def test_an_end_that_the_fault_explains_must_say_why() -> None:
    """FAILED is allowed where it is expected, with the words that tell the operator."""
    failed = Row(FILM.uid, FILM.study, JobState.FAILED, "the spooled film is damaged")
    expected = {FILM.uid: Ending(JobState.FAILED, "damaged")}
    seen = replace(GOOD, rows=(failed,), held=(), endings=expected)
    assert judge(seen) == []
    assert faults(replace(seen, rows=(replace(failed, why=""),))) == [Fault.LOST]
    assert faults(replace(seen, rows=(DONE,), held=GOOD.held)) == [Fault.LOST]
