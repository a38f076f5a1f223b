"""A failed attempt is retried after a delay, or is final."""

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
def test_a_transient_error_is_retried(error: Exception) -> None:
    """The outcome of a transient error has the time of the next attempt and the error."""
    outcome = after_failure(error, 1, NOW, POLICY, jitter=0.0)
    assert outcome == RetryAt(NOW + timedelta(seconds=1), str(error))


@pytest.mark.parametrize(
    "error",
    [Permanent("no"), Misconfigured("a: b"), Rejected("view", "lateral"), ValueError("odd")],
)
def test_any_other_error_is_final(error: Exception) -> None:
    """After a permanent error, another attempt would fail in the same way."""
    assert after_failure(error, 1, NOW, POLICY, jitter=0.0) == Failed(str(error))


@pytest.mark.parametrize(("attempt", "retried"), [(1, True), (2, True), (3, False), (4, False)])
def test_the_number_of_attempts_is_limited(attempt: int, retried: bool) -> None:
    """The number `attempts` includes the first attempt."""
    outcome = after_failure(Transient("busy"), attempt, NOW, POLICY, jitter=0.0)
    assert isinstance(outcome, RetryAt) is retried


def test_the_delay_doubles_up_to_the_cap() -> None:
    """With a jitter of 1, each delay is twice the previous delay, up to the cap."""
    assert [retry_delay(n, POLICY, jitter=1.0) for n in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]


@given(st.integers(1, 10_000), policies, jitter)
def test_the_jitter_spreads_the_delay_over_its_upper_half(
    attempt: int, policy: RetryPolicy, jitter: float
) -> None:
    """For any number of attempts, the delay is above 0 and at most `cap`."""
    full = retry_delay(attempt, policy, 1.0)
    assert 0 < full <= policy.cap
    assert full / 2 <= retry_delay(attempt, policy, jitter) <= full


@given(st.integers(1, 999), policies, jitter)
def test_the_delay_never_decreases(attempt: int, policy: RetryPolicy, jitter: float) -> None:
    """If a destination stays down, the time between two attempts increases up to the cap."""
    assert retry_delay(attempt, policy, jitter) <= retry_delay(attempt + 1, policy, jitter)


def test_jitter_is_random_from_zero_to_one() -> None:
    """With random jitter, the deliveries are not all retried in the same second."""
    values = {draw_jitter() for _ in range(50)}
    assert len(values) > 1
    assert all(0 <= value < 1 for value in values)
