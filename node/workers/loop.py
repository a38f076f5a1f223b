"""The life of a worker: step after step until told to stop, its leases kept alive meanwhile."""

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

from node.domain.errors import OsteoScreenError, Permanent, Transient
from node.domain.workflow.retry import RetryPolicy
from node.log import where

_PAUSE_AFTER_ERROR = 2.0

log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ScoringSettings:
    """How a worker scores films: `lease` in seconds, `batch` in films."""

    worker: str
    batch: int
    lease: float
    retry: RetryPolicy


def utc_now() -> datetime:
    """Return the time, for those who are given a clock."""
    return datetime.now(UTC)


def worker_name(role: str) -> str:
    """Return a name that no other worker, past or present, has: leases are settled by it."""
    return f"{role}@{socket.gethostname()[:32]}:{os.getpid()}:{uuid4().hex[:8]}"


def run(step: Callable[[], int], stop: threading.Event, poll: float) -> None:
    """Call `step` until `stop` is set, pausing when there was nothing to do.

    The one broad `except` of a worker: whatever a step did not foresee is logged without its
    message, which may quote a header, and the worker goes on. What the step had claimed comes
    back when its lease runs out.
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


def retry_individually(
    batch: Sequence[T],
    work: Callable[[Sequence[T]], None],
    fail: Callable[[T, Exception], None],
    error: Exception,
) -> None:
    """Work on each of a batch that failed alone, to find out whose fault it is; one fails."""
    if len(batch) == 1:
        fail(batch[0], error)
        return
    for one in batch:
        work([one])


def as_known(error: Exception) -> OsteoScreenError:
    """Return an error of ours for whatever went wrong with one film.

    What nobody foresaw may be a passing fault, and attempts are counted: try it again.
    """
    if isinstance(error, OsteoScreenError):
        return error
    if isinstance(error, OSError):
        return Transient(f"{type(error).__name__}: {error.strerror or 'input or output failed'}")
    log.error("unforeseen", error=type(error).__name__, where=where(error))
    return Transient(f"unforeseen {type(error).__name__} at {where(error)}")


def told(outcome: object) -> dict[str, str]:
    """Return an outcome for the log: its name, and its error or reason where it has one."""
    facts = {"outcome": type(outcome).__name__}
    for name in ("reason", "error"):
        if value := getattr(outcome, name, ""):
            facts[name] = str(value)
    return facts


@contextmanager
def kept_leases(
    renew: Callable[[datetime], int], seconds: float, clock: Callable[[], datetime]
) -> Iterator[None]:
    """Renew leases from a thread, three times in their span, until the block ends."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(seconds / 3):
            try:
                renew(clock() + timedelta(seconds=seconds))
            except (Transient, Permanent) as error:
                log.warning("lease_not_renewed", error=str(error))

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
