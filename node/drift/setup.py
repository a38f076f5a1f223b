"""Construction of the drift monitor, the notifiers and the drift report from a configuration."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from models.bundle.intended_use import IntendedUse
from node.config.settings import Config
from node.domain.errors import OsteoScreenError
from node.domain.health_check import HealthCheck
from node.drift.alarm_store import AlarmStore
from node.drift.alarms import ActiveAlarm, alarm_key
from node.drift.metric_store import DriftMetricStore
from node.drift.metrics import DailyMetric, Source
from node.drift.monitor import DriftMonitor
from node.drift.notifier import send_oldest
from node.jobs import schema
from node.replay.score_store import ScoreStore
from node.workers.loop import running, utc_now

_POLL = 5.0  # seconds between two checks for a notice that is due

Send = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Metrics by source and day, active alarms, and the intended uses of the scoring bundles."""

    rows: list[DailyMetric]
    active: list[ActiveAlarm]
    uses: set[IntendedUse]


def drift_report(config: Config, since: date, calling_ae: str) -> DriftReport:
    """Return the report from a day on, for all sources if `calling_ae` is ""."""
    engine = schema.open_current(config.database.url)
    return DriftReport(
        rows=DriftMetricStore(engine).rows(since, calling_ae),
        active=[
            alarm
            for alarm in AlarmStore(engine, ()).active()
            if calling_ae in ("", alarm.source.calling_ae)
        ],
        uses=ScoreStore(engine).intended_uses(),
    )


def open_monitor(config: Config, engine: sa.Engine) -> DriftMonitor:
    """Return the drift monitor."""
    alarms = AlarmStore(engine, tuple(alarm_channels(config)))
    return DriftMonitor(DriftMetricStore(engine), alarms, config, utc_now)


def send_test_notices(config: Config, now: datetime) -> list[HealthCheck]:
    """Send a test notice to every receiver; return a check for each receiver."""
    content = {
        "event": "test",
        "node": config.dicom.ae_title,
        "at": now.isoformat(),
        **alarm_key(Source("", ""), "test"),
        "text": "test alarm: no metric has reached its limit",
    }
    checks = []
    for channel, send in alarm_channels(config).items():
        try:
            send(content)
        except OsteoScreenError as error:
            checks.append(HealthCheck(channel, ok=False, detail=str(error)))
        else:
            checks.append(HealthCheck(channel, ok=True, detail="accepted"))
    return checks


def notifying(
    config: Config, engine: sa.Engine, stop: threading.Event
) -> AbstractContextManager[None]:
    """Send notices until the block ends, with one thread for each channel; then set `stop`.

    Raises Misconfigured if a file of the configuration is unusable.
    """
    channels = alarm_channels(config)
    alarms = AlarmStore(engine, tuple(channels))
    steps = [partial(send_oldest, name, alarms, send, utc_now) for name, send in channels.items()]
    return running(steps, stop, _POLL)


def alarm_channels(config: Config) -> dict[str, Send]:
    """Return the send function of each channel; raise Misconfigured for unusable files."""
    from node.drift import channel_mail, channel_webhook

    channels: dict[str, Send] = {}
    receivers = config.drift.alarms
    if receivers.webhook is not None:
        channel_webhook.require_usable(receivers.webhook)
        channels["webhook"] = partial(channel_webhook.post, webhook=receivers.webhook)
    if receivers.mail is not None:
        channel_mail.require_usable(receivers.mail)
        channels["mail"] = partial(channel_mail.send, mail=receivers.mail)
    return channels
