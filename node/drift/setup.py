"""Drift put together: who measures, who tells of alarms, what the command shows."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from models.bundle.intended_use import IntendedUse
from node.config.settings import Config
from node.domain.errors import OsteoScreenError
from node.domain.health_check import Check
from node.drift.alarm_store import AlarmStore
from node.drift.alarms import Limits, Standing, told_of
from node.drift.metric_store import DriftMetricStore
from node.drift.metrics import Measured, Plan, Source
from node.drift.silence import Local
from node.replay.score_store import ScoreStore

if TYPE_CHECKING:
    from node.drift.monitor import DriftWatch

_POLL = 5.0  # seconds between two looks for something to tell


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What was measured of sources, by source and day, the alarms that stand, and what the bundles
    that scored their films are meant for.
    """

    rows: list[Measured]
    standing: list[Standing]
    uses: set[IntendedUse]


def drift_report(engine: sa.Engine, since: date, calling_ae: str) -> DriftReport:
    """Return what is on record since a day, of one calling AE title or, if "", of all."""
    standing = [
        one
        for one in AlarmStore(engine, ()).standing()
        if calling_ae in ("", one.source.calling_ae)
    ]
    return DriftReport(
        DriftMetricStore(engine).rows(since, calling_ae), standing, ScoreStore(engine).uses()
    )


def watch_of(config: Config, engine: sa.Engine) -> "DriftWatch":
    """Return the monitor that measures sources and keeps the figures for `retention.rows`."""
    from node.drift.monitor import DriftWatch, Watched
    from node.workers.loop import utc_now

    watched = Watched(
        node=config.dicom.ae_title,
        plan=plan_of(config),
        limits=limits_of(config),
        local=local_clock(config.drift.time_zone),
        metrics_file=config.drift.metrics_file,
    )
    alarms = AlarmStore(engine, tuple(_channels(config)))
    kept = config.retention.rows
    return DriftWatch(DriftMetricStore(engine), alarms, watched, kept, utc_now)


def tell_as_a_test(config: Config, now: datetime) -> list[Check]:
    """Tell every receiver that this is a test; return who has taken it, and why others have not."""
    content = {
        "event": "test",
        "node": config.dicom.ae_title,
        "at": now.isoformat(),
        **told_of(Source("", ""), "test"),
        "text": "a test of the alarms: nothing has changed",
    }
    checks = []
    for name, tell in _channels(config).items():
        try:
            tell(content)
        except OsteoScreenError as error:
            checks.append(Check(name, ok=False, detail=str(error)))
        else:
            checks.append(Check(name, ok=True, detail="has taken it"))
    return checks


@contextmanager
def telling(config: Config, engine: sa.Engine, stop: threading.Event) -> Iterator[None]:
    """Tell of alarms until the block ends, each channel on a thread of its own; sets `stop` then.

    Raises Misconfigured at once for files that cannot be used.
    """
    from node.drift.notifier import Notifier
    from node.workers.loop import run, utc_now

    channels = _channels(config)
    alarms = AlarmStore(engine, tuple(channels))
    threads = []
    for name, tell in channels.items():
        teller = Notifier(name, alarms, tell, utc_now)
        threads.append(threading.Thread(target=run, args=(teller.step, stop, _POLL)))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def plan_of(config: Config) -> Plan:
    """Return what is measured."""
    drift, reference = config.drift, config.drift.reference
    return Plan(
        window=min(drift.window, max(config.retention.rows.days, 1)),
        films=drift.films,
        reference_days=reference.days,
        reference_films=reference.films,
        since=reference.since,
        until=reference.until,
    )


def limits_of(config: Config) -> Limits:
    """Return from what on a figure is an alarm."""
    return Limits(**config.drift.alarms.model_dump(exclude={"webhook", "mail"}))


def local_clock(time_zone: str | None) -> Local:
    """Return what tells the time on the wall; of this machine where no zone is named."""
    zone = None if time_zone is None else ZoneInfo(time_zone)

    def local(moment: datetime) -> datetime:
        return moment.astimezone(zone)

    return local


def _channels(config: Config) -> dict[str, Callable[[dict[str, Any]], None]]:
    """Return how each receiver is told, by name; raise Misconfigured for files of no use."""
    from node.drift import channel_mail, channel_webhook

    found: dict[str, Callable[[dict[str, Any]], None]] = {}
    wanted = config.drift.alarms
    if wanted.webhook is not None:
        channel_webhook.require_usable(wanted.webhook)
        found["webhook"] = partial(channel_webhook.post, webhook=wanted.webhook)
    if wanted.mail is not None:
        channel_mail.require_usable(wanted.mail)
        found["mail"] = partial(channel_mail.send, mail=wanted.mail)
    return found
