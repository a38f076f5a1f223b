"""The transition tables of jobs and deliveries are complete and consistent."""

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
    """Return the states that can be reached from `start`, including `start` itself."""
    states, newest = set(start), set(start)
    while newest:
        newest = {end for (state, _), end in table.items() if state in newest} - states
        states |= newest
    return states


@BOTH
def test_every_event_leads_to_one_state(table: Table, states: Any, events: Any) -> None:
    """The SQL sets `state = state_after(event)`, so each event must lead to a single state."""
    for event in events:
        assert len({end for (_, trigger), end in table.items() if trigger is event}) == 1, event


@BOTH
def test_a_table_has_only_its_own_states_and_events(table: Table, states: Any, events: Any) -> None:
    """Job and delivery have states of the same name, which must not be confused."""
    for (state, event), end in table.items():
        assert (type(state), type(event), type(end)) == (states, events, states)


@BOTH
def test_every_event_changes_the_state(table: Table, states: Any, events: Any) -> None:
    """An event without a change of state would add an entry without effect to the history."""
    assert [state for (state, _), end in table.items() if state is end] == []


def test_every_job_state_can_be_reached() -> None:
    """A job begins as RECEIVED, or as REJECTED if its header is refused."""
    start = {JobState.RECEIVED, JobState.REJECTED}
    assert reachable(JOB_TRANSITIONS, start) == set(JobState)  # type: ignore[arg-type]


def test_every_delivery_state_can_be_reached() -> None:
    """Each delivery begins as PENDING."""
    start = {DeliveryState.PENDING}
    assert reachable(DELIVERY_TRANSITIONS, start) == set(DeliveryState)  # type: ignore[arg-type]


def test_only_an_operator_changes_a_final_job() -> None:
    """No role processes a final job again, because the film of the job may be purged."""
    events = {(state, event) for state, event in JOB_TRANSITIONS if state in FINAL_JOB_STATES}
    assert events == {(JobState.DONE, JobEvent.REANALYSE), (JobState.DONE, JobEvent.RESEND)}
    assert {state for state, _ in JOB_TRANSITIONS} >= set(JobState) - FINAL_JOB_STATES


def test_only_an_operator_changes_a_final_delivery() -> None:
    """A delivery is final when it is DELIVERED or FAILED."""
    events = {
        (state, event) for state, event in DELIVERY_TRANSITIONS if state in FINAL_DELIVERY_STATES
    }
    assert events == {
        (DeliveryState.FAILED, DeliveryEvent.REOPEN),
        (DeliveryState.FAILED, DeliveryEvent.RESEND),
        (DeliveryState.DELIVERED, DeliveryEvent.RESEND),
    }


def test_every_job_can_reach_a_final_state() -> None:
    """The job states have no dead end, and no cycle without an exit."""
    for state in JobState:
        assert reachable(JOB_TRANSITIONS, {state}) & FINAL_JOB_STATES, state  # type: ignore[arg-type]


def test_every_delivery_can_become_delivered() -> None:
    for state in DeliveryState:
        states = reachable(DELIVERY_TRANSITIONS, {state})  # type: ignore[arg-type]
        assert DeliveryState.DELIVERED in states, state


def test_every_state_with_a_time_limit_can_expire() -> None:
    """The time limit of a state is a lease, or the time for a commitment report."""
    assert job.states_before(JobEvent.EXPIRE) == [JobState.ANALYSING]
    assert set(delivery.states_before(DeliveryEvent.EXPIRE)) == {
        DeliveryState.SENDING,
        DeliveryState.AWAITING_COMMITMENT,
    }


@pytest.mark.parametrize(
    ("states_before", "state_after", "event", "expected"),
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
def test_states_before_and_after_an_event_follow_the_table(
    states_before: Callable[[Any], list[StrEnum]],
    state_after: Callable[[Any], StrEnum],
    event: StrEnum,
    expected: tuple[set[StrEnum], StrEnum],
) -> None:
    """An event may occur in several states, but it always leads to the same state."""
    assert (set(states_before(event)), state_after(event)) == expected


@pytest.mark.parametrize("enum", [JobState, JobEvent, DeliveryState, DeliveryEvent])
def test_names_and_values_agree(enum: type[StrEnum]) -> None:
    """Each value is the name of its state or event in lower case, with hyphens."""
    for member in enum:
        assert member.value.upper().replace("-", "_") == member.name
