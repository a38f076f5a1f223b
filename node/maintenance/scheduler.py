"""The schedule of the maintenance tasks, which uses APScheduler."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from node.config.sections import ScheduleSection
from node.domain.errors import Permanent, Transient
from node.drift.monitor import DriftMonitor
from node.log import where
from node.maintenance.tasks import MaintenanceTasks

_CLOCK_CHECK_SECONDS = 5.0

log = structlog.get_logger()


def run(
    tasks: MaintenanceTasks, monitor: DriftMonitor, schedule: ScheduleSection, stop: threading.Event
) -> None:
    """Run each task immediately, and then at its interval, until `stop` is set.

    Drift monitoring has its own thread, because reading weeks of films would delay other tasks.
    """
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(1), "drift": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone=UTC,
    )
    for task, seconds, executor in (
        (tasks.release_expired_leases, schedule.rescue, "default"),
        (tasks.expire_commitments, schedule.commitments, "default"),
        (tasks.check_queue_depths, schedule.watch, "default"),
        (tasks.purge, schedule.purge, "default"),
        (monitor.measure, schedule.drift, "drift"),
        (monitor.check_feeds, schedule.feeds, "drift"),
    ):
        scheduler.add_job(
            _guarded(task),
            "interval",
            seconds=seconds,
            executor=executor,
            next_run_time=datetime.now(UTC),
        )
    scheduler.add_listener(_log_unexpected_error, EVENT_JOB_ERROR)
    scheduler.start()
    while not stop.wait(_CLOCK_CHECK_SECONDS):
        make_due(scheduler, datetime.now(UTC))
    scheduler.shutdown(wait=True)


def make_due(scheduler: BackgroundScheduler, now: datetime) -> None:
    """After the clock was set back, run tasks now that are due after more than one interval."""
    for job in scheduler.get_jobs():
        if job.next_run_time - now > job.trigger.interval:
            job.modify(next_run_time=now)


def _log_unexpected_error(event: JobExecutionEvent) -> None:
    # APScheduler reports the error only to the standard library's log, which is off.
    error = event.exception
    log.error("unexpected_error", error=type(error).__name__, where=where(error))


def _guarded(task: Callable[[], None]) -> Callable[[], None]:
    """Return a function that runs the task and logs its errors."""

    def guarded() -> None:
        try:
            task()
        except (Transient, Permanent, OSError) as error:
            log.error("task_failed", task=task.__name__, error=str(error))

    return guarded
