"""Retry with exponential back-off, jitter, a maximum wait and a maximum number of attempts."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from node.domain.errors import Transient


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `attempts` attempts; the n-th wait is `first` x 2^(n-1) seconds, at most `cap`."""

    attempts: int
    first: float
    cap: float


@dataclass(frozen=True, slots=True)
class RetryAt:
    """The attempt failed, and the next attempt is due at `at`."""

    at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed, and no further attempt follows."""

    error: str


def after_failure(
    error: Exception, attempt: int, now: datetime, policy: RetryPolicy, jitter: float
) -> RetryAt | Failed:
    """Return RetryAt or Failed for a failed attempt; the first attempt has the number 1.

    Only transient errors are retried. `jitter` in [0, 1) spreads waits over the delay's upper half.
    """
    if not isinstance(error, Transient) or attempt >= policy.attempts:
        return Failed(str(error))
    return RetryAt(now + timedelta(seconds=retry_delay(attempt, policy, jitter)), str(error))


def retry_delay(attempt: int, policy: RetryPolicy, jitter: float) -> float:
    """Return the seconds to wait after a failed attempt."""
    full = min(policy.cap, policy.first * 2.0 ** min(attempt - 1, 32))
    return full * (0.5 + 0.5 * jitter)


def draw_jitter() -> float:
    """Return a random jitter for `after_failure`, which is a pure function."""
    return random.random()  # noqa: S311 - not used for security
