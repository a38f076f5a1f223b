"""Run each maintenance task when it is due, by APScheduler; a task never overlaps itself."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from node.config.sections import Schedule
from node.domain.errors import Permanent, Transient
from node.drift.monitor import DriftWatch
from node.log import where
from node.maintenance.tasks import MaintenanceTasks

_LOOK_SECONDS = 5.0

log = structlog.get_logger()


def run(
    chores: MaintenanceTasks, watch: DriftWatch, schedule: Schedule, stop: threading.Event
) -> None:
    """Do the chores, each at once and then by its interval, until `stop` is set.

    Measuring has a thread of its own: weeks of films are no reason to rescue nobody's meanwhile.
    """
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(1), "drift": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone=UTC,
    )
    for chore, seconds, executor in (
        (chores.rescue, schedule.rescue, "default"),
        (chores.expire_commitments, schedule.commitments, "default"),
        (chores.watch, schedule.watch, "default"),
        (chores.purge, schedule.purge, "default"),
        (watch.measure, schedule.drift, "drift"),
        (watch.feeds, schedule.feeds, "drift"),
    ):
        scheduler.add_job(
            _guarded(chore),
            "interval",
            seconds=seconds,
            executor=executor,
            next_run_time=datetime.now(UTC),
        )
    scheduler.add_listener(_tell_unforeseen, EVENT_JOB_ERROR)
    scheduler.start()
    while not stop.wait(_LOOK_SECONDS):
        make_due(scheduler, datetime.now(UTC))
    scheduler.shutdown(wait=True)


def make_due(scheduler: BackgroundScheduler, now: datetime) -> None:
    """Do now what is due later than one interval from now: the clock was set back meanwhile.

    APScheduler keeps the time of day at which a chore is next due, and would wait for that.
    """
    for job in scheduler.get_jobs():
        if job.next_run_time - now > job.trigger.interval:
            job.modify(next_run_time=now)


def _tell_unforeseen(event: JobExecutionEvent) -> None:
    """Say what APScheduler says to the standard library's log, which is silent here."""
    error = event.exception
    log.error("unforeseen", error=type(error).__name__, where=where(error))


def _guarded(chore: Callable[[], None]) -> Callable[[], None]:
    """Let a chore that fails wait for its next turn."""

    def guarded() -> None:
        try:
            chore()
        except (Transient, Permanent, OSError) as error:
            log.error("chore_failed", chore=chore.__name__, error=str(error))

    return guarded
