"""The loop of a worker, the renewal of its leases, and the mapping of its errors."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import uuid4

import structlog

from node.config.settings import Config
from node.domain.errors import OsteoScreenError, Permanent, Transient
from node.domain.workflow import retry
from node.domain.workflow.retry import Failed, RetryAt, RetryPolicy
from node.log import describe_unexpected, where
from node.policies import retry_policy

_PAUSE_AFTER_ERROR = 2.0  # seconds

Claimed = TypeVar("Claimed")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ClaimSettings:
    """How a worker claims work; a claim has at most `batch` items and lasts `lease` seconds."""

    worker: str
    batch: int
    lease: float
    retry: RetryPolicy


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def worker_name(role: str) -> str:
    """Return a name for a worker's leases that no other worker has or had."""
    return f"{role}@{socket.gethostname()[:32]}:{os.getpid()}:{uuid4().hex[:8]}"


def scoring_settings(config: Config, role: str, batch: int) -> ClaimSettings:
    """Return the settings of a role that scores films."""
    queue = config.queue
    return ClaimSettings(worker_name(role), batch, queue.lease, retry_policy(queue.analysis))


def run(step: Callable[[], int], stop: threading.Event, poll: float) -> None:
    """Call `step` until `stop` is set; wait `poll` seconds after a step without work.

    An unexpected error is logged without its message, which may quote a header, and the worker
    continues. The claimed films or deliveries return to the queue when their lease expires.
    """
    while not stop.is_set():
        try:
            pause = 0.0 if step() else poll
        except OsteoScreenError as error:
            log.error("step_failed", error=str(error))
            pause = _PAUSE_AFTER_ERROR
        except Exception as error:  # noqa: BLE001 - the boundary of the worker
            log.error("step_failed", error=type(error).__name__, where=where(error))
            pause = _PAUSE_AFTER_ERROR
        stop.wait(pause)


@contextmanager
def running(
    steps: Sequence[Callable[[], int]], stop: threading.Event, poll: float
) -> Iterator[None]:
    """Run each step in its own thread until the block ends; then set `stop`."""
    threads = [threading.Thread(target=run, args=(step, stop, poll)) for step in steps]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def classify_error(error: Exception) -> OsteoScreenError:
    """Map an error of a film or delivery; an unexpected error becomes Transient."""
    if isinstance(error, OsteoScreenError):
        return error
    if isinstance(error, OSError):
        return Transient(f"{type(error).__name__}: {error.strerror or 'input or output failed'}")
    log.error("unexpected_error", error=type(error).__name__, where=where(error))
    return Transient(describe_unexpected(error))


def outcome_of_error(
    error: Exception, attempt: int, now: datetime, policy: RetryPolicy
) -> RetryAt | Failed:
    """Return when to retry after a failed attempt, or Failed after the last attempt."""
    return retry.after_failure(classify_error(error), attempt, now, policy, retry.draw_jitter())


def process_batch(
    claim: Callable[[str, datetime, datetime, int], list[Claimed]],
    renew: Callable[[list[Claimed], datetime], int],
    process: Callable[[list[Claimed]], None],
    settings: ClaimSettings,
    clock: Callable[[], datetime],
) -> int:
    """Claim a batch and process it; return its size.

    `claim` receives the worker, the current time, the end of the lease and the maximum size. A
    thread renews the leases three times per lease duration until the batch is processed.
    """
    duration, now, ended = timedelta(seconds=settings.lease), clock(), threading.Event()
    batch = claim(settings.worker, now, now + duration, settings.batch)
    if not batch:
        return 0

    def renew_until_ended() -> None:
        while not ended.wait(settings.lease / 3):
            try:
                renew(batch, clock() + duration)
            except (Transient, Permanent) as error:
                log.warning("lease_renewal_failed", error=str(error))

    thread = threading.Thread(target=renew_until_ended, daemon=True)
    thread.start()
    try:
        process(batch)
    finally:
        ended.set()
        thread.join()
    return len(batch)
