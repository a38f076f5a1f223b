"""When to try again: exponential, jittered, capped, and given up after enough attempts."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from node.domain.errors import Transient


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` in all; the n-th wait is `first` x 2^(n-1) seconds, at most `cap`."""

    attempts: int
    first: float
    cap: float


@dataclass(frozen=True, slots=True)
class RetryAt:
    """The attempt failed; try again, not before `at`."""

    at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed, and no further one is due."""

    error: str


def decide(
    error: Exception, attempt: int, now: datetime, policy: RetryPolicy, jitter: float
) -> RetryAt | Failed:
    """Return what follows the failure of the given attempt (the first is 1).

    `jitter` in [0, 1) spreads the wait over its upper half. Only transient errors are tried
    again: whatever else fails will fail the same way.
    """
    if not isinstance(error, Transient) or attempt >= policy.attempts:
        return Failed(str(error))
    return RetryAt(now + timedelta(seconds=wait(attempt, policy, jitter)), str(error))


def wait(attempt: int, policy: RetryPolicy, jitter: float) -> float:
    """Return the seconds to wait after the given failed attempt."""
    full = min(policy.cap, policy.first * 2.0 ** min(attempt - 1, 32))
    return full * (0.5 + 0.5 * jitter)


def draw_jitter() -> float:
    """Return a random jitter for `decide`; kept apart so that decisions stay pure."""
    return random.random()  # noqa: S311 - spreads load, guards nothing
