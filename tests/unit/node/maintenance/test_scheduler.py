"""Maintenance tasks run on time after the clock was set back."""

from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from node.maintenance.scheduler import make_due

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EVERY = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("due", "then"),
    [
        (NOW + timedelta(hours=2), NOW),
        (NOW + EVERY, NOW + EVERY),
        (NOW + timedelta(seconds=1), NOW + timedelta(seconds=1)),
    ],
)
def test_a_task_never_waits_longer_than_its_interval(due: datetime, then: datetime) -> None:
    """A task that is due later than one interval from now runs immediately."""
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.start(paused=True)
    job = scheduler.add_job(print, "interval", seconds=EVERY.total_seconds(), next_run_time=due)
    make_due(scheduler, NOW)
    assert job.next_run_time == then
    scheduler.shutdown()
