"""The two tables of transitions: what they promise to everyone who moves a job or a delivery."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import pytest

from node.domain.workflow import delivery, job
from node.domain.workflow.delivery import (
    DELIVERY_TRANSITIONS,
    FINAL_DELIVERY_STATES,
    DeliveryEvent,
    DeliveryState,
)
from node.domain.workflow.job import FINAL_JOB_STATES, JOB_TRANSITIONS, JobEvent, JobState

Table = Mapping[tuple[StrEnum, StrEnum], StrEnum]

BOTH = pytest.mark.parametrize(
    ("table", "states", "events"),
    [
        pytest.param(JOB_TRANSITIONS, JobState, JobEvent, id="job"),
        pytest.param(DELIVERY_TRANSITIONS, DeliveryState, DeliveryEvent, id="delivery"),
    ],
)


def reachable(table: Table, start: set[StrEnum]) -> set[StrEnum]:
    """Return the states that events lead to from these, with these."""
    seen, edge = set(start), set(start)
    while edge:
        edge = {to for (state, _), to in table.items() if state in edge} - seen
        seen |= edge
    return seen


@BOTH
def test_every_event_leads_to_one_state(table: Table, states: Any, events: Any) -> None:
    """Statements say `SET state = target(event)`: two targets would make that a guess."""
    for event in events:
        assert len({to for (_, moved), to in table.items() if moved is event}) == 1, event


@BOTH
def test_only_known_states_and_events_are_in_it(table: Table, states: Any, events: Any) -> None:
    """No row of one table has strayed into the other."""
    for (state, event), to in table.items():
        assert (type(state), type(event), type(to)) == (states, events, states)


@BOTH
def test_no_event_leaves_a_state_where_it_is(table: Table, states: Any, events: Any) -> None:
    """The history would claim a move that nobody sees."""
    assert [state for (state, _), to in table.items() if state is to] == []


def test_every_job_state_is_reached() -> None:
    """From the two that a film can begin in: received, or rejected on the spot."""
    start = {JobState.RECEIVED, JobState.REJECTED}
    assert reachable(JOB_TRANSITIONS, start) == set(JobState)  # type: ignore[arg-type]


def test_every_delivery_state_is_reached() -> None:
    """A delivery begins as PENDING."""
    start = {DeliveryState.PENDING}
    assert reachable(DELIVERY_TRANSITIONS, start) == set(DeliveryState)  # type: ignore[arg-type]


def test_only_the_operator_moves_a_final_job_on() -> None:
    """Their bytes may be purged: no role may ask for them again. Every other state has a way on."""
    out = {(state, event) for state, event in JOB_TRANSITIONS if state in FINAL_JOB_STATES}
    assert out == {(JobState.DONE, JobEvent.REANALYSE), (JobState.DONE, JobEvent.RESEND)}
    assert {state for state, _ in JOB_TRANSITIONS} >= set(JobState) - FINAL_JOB_STATES


def test_a_delivery_is_settled_once_delivered_or_failed() -> None:
    """Only the operator moves one on from there."""
    out = {
        (state, event) for state, event in DELIVERY_TRANSITIONS if state in FINAL_DELIVERY_STATES
    }
    assert out == {
        (DeliveryState.FAILED, DeliveryEvent.REOPEN),
        (DeliveryState.FAILED, DeliveryEvent.RESEND),
        (DeliveryState.DELIVERED, DeliveryEvent.RESEND),
    }


def test_every_job_can_still_come_to_an_end() -> None:
    """There is no state, and no circle of states, that a job cannot leave for a final one."""
    for state in JobState:
        assert reachable(JOB_TRANSITIONS, {state}) & FINAL_JOB_STATES, state  # type: ignore[arg-type]


def test_every_delivery_can_still_arrive() -> None:
    """Whatever has happened to it."""
    for state in DeliveryState:
        ways = reachable(DELIVERY_TRANSITIONS, {state})  # type: ignore[arg-type]
        assert DeliveryState.DELIVERED in ways, state


def test_a_lease_can_run_out_wherever_there_is_one() -> None:
    """A worker that dies holds nothing for ever."""
    assert job.states_before(JobEvent.EXPIRE) == [JobState.ANALYSING]
    assert set(delivery.states_before(DeliveryEvent.EXPIRE)) == {
        DeliveryState.SENDING,
        DeliveryState.AWAITING_COMMITMENT,
    }


@pytest.mark.parametrize(
    ("sources", "target", "event", "expected"),
    [
        (
            job.states_before,
            job.state_after,
            JobEvent.CANCEL,
            ({JobState.FAILED, JobState.RECEIVED}, JobState.CANCELLED),
        ),
        (
            delivery.states_before,
            delivery.state_after,
            DeliveryEvent.FAIL,
            ({DeliveryState.SENDING, DeliveryState.AWAITING_COMMITMENT}, DeliveryState.FAILED),
        ),
    ],
)
def test_sources_and_target_read_the_table(
    sources: Callable[[Any], list[StrEnum]],
    target: Callable[[Any], StrEnum],
    event: StrEnum,
    expected: tuple[set[StrEnum], StrEnum],
) -> None:
    """All the states that an event starts from, and the one that it leads to."""
    assert (set(sources(event)), target(event)) == expected


@pytest.mark.parametrize("enum", [JobState, JobEvent, DeliveryState, DeliveryEvent])
def test_names_and_values_agree(enum: type[StrEnum]) -> None:
    """The value is what is stored and shown; the name is what the code says."""
    for member in enum:
        assert member.value.upper().replace("-", "_") == member.name
