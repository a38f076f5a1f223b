"""When to try again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.errors import Misconfigured, Permanent, Rejected, Transient, Unreachable
from node.domain.workflow.retry import (
    Failed,
    RetryAt,
    RetryPolicy,
    after_failure,
    draw_jitter,
    retry_delay,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = RetryPolicy(attempts=3, first=2.0, cap=60.0)

policies = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 1000),
    first=st.floats(0.01, 100),
    cap=st.floats(0.01, 10_000),
)
jitter = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("error", [Transient("busy"), Unreachable("down")])
def test_a_passing_failure_is_tried_again(error: Exception) -> None:
    """Later, and with what went wrong kept for whoever looks."""
    outcome = after_failure(error, 1, NOW, POLICY, jitter=0.0)
    assert outcome == RetryAt(NOW + timedelta(seconds=1), str(error))


@pytest.mark.parametrize(
    "error",
    [Permanent("no"), Misconfigured("a: b"), Rejected("view", "lateral"), ValueError("odd")],
)
def test_anything_else_fails_at_once(error: Exception) -> None:
    """It would fail the same way every time."""
    assert after_failure(error, 1, NOW, POLICY, jitter=0.0) == Failed(str(error))


@pytest.mark.parametrize(("attempt", "again"), [(1, True), (2, True), (3, False), (4, False)])
def test_attempts_run_out(attempt: int, again: bool) -> None:
    """`attempts` counts the tries, not the repetitions."""
    outcome = after_failure(Transient("busy"), attempt, NOW, POLICY, jitter=0.0)
    assert isinstance(outcome, RetryAt) is again


def test_waits_double_up_to_the_cap() -> None:
    """Without jitter's spread, the upper end of each wait is first, twice that, and so on."""
    assert [retry_delay(n, POLICY, jitter=1.0) for n in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]


@given(st.integers(1, 10_000), policies, jitter)
def test_a_wait_lies_in_the_upper_half(attempt: int, policy: RetryPolicy, jitter: float) -> None:
    """Never none at all, never above the cap, for any number of attempts."""
    full = retry_delay(attempt, policy, 1.0)
    assert 0 < full <= policy.cap
    assert full / 2 <= retry_delay(attempt, policy, jitter) <= full


@given(st.integers(1, 999), policies, jitter)
def test_a_later_attempt_waits_no_shorter(attempt: int, policy: RetryPolicy, jitter: float) -> None:
    """A destination that stays down is asked less and less often."""
    assert retry_delay(attempt, policy, jitter) <= retry_delay(attempt + 1, policy, jitter)


def test_jitter_is_drawn_from_zero_to_one() -> None:
    """And not always the same, or all deliveries would come back in the same second."""
    drawn = {draw_jitter() for _ in range(50)}
    assert len(drawn) > 1
    assert all(0 <= value < 1 for value in drawn)
