"""The drift monitor: daily metrics of each source, their alarms, and alarms for silent sources.

After an outage, the monitor computes the metrics of the missing days. If several maintenance
processes do the same work, metrics and alarms are stored once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import structlog

from node.config.settings import Config
from node.drift.alarm_store import AlarmStore
from node.drift.alarms import (
    SILENT,
    AlarmChanges,
    AlarmEvent,
    alarm_key,
    judge_feed,
    judge_metrics,
    to_log_fields,
)
from node.drift.metric_store import DriftMetricStore
from node.drift.metrics import (
    DailyMetric,
    DriftPlan,
    DriftReference,
    Metric,
    ReceivedFilm,
    Source,
    SourceCounts,
    build_reference,
    compute_metrics,
    count_by_source,
    first_days,
)
from node.drift.prometheus_file import exposition
from node.drift.silence import LOOK_BACK, Feed, measure_silence
from node.drift.wording import alarm_sentence
from node.files import write_atomically

_ONE_DAY = timedelta(days=1)
_MAX_CATCH_UP = 31  # days
# node_exporter runs as another user, and the file contains no patient data.
_READABLE_BY_ALL = 0o644
_MAX_SOURCES = 200  # a sender with random station names must not fill the table

T = TypeVar("T")

log = structlog.get_logger()


def plan_of(config: Config) -> DriftPlan:
    """Return the plan of the configuration, with a window of at most `retention.rows`."""
    drift, reference = config.drift, config.drift.reference
    return DriftPlan(
        window=min(drift.window, max(config.retention.rows.days, 1)),
        films=drift.films,
        reference_days=reference.days,
        reference_films=reference.films,
        since=reference.since,
        until=reference.until,
    )


@dataclass
class DriftMonitor:
    """The drift monitor; `measure` computes metrics, and `check_feeds` finds silent sources."""

    store: DriftMetricStore
    alarms: AlarmStore
    config: Config
    clock: Callable[[], datetime]

    def __post_init__(self) -> None:
        self._plan = plan_of(self.config)

    def measure(self) -> None:
        """Store the metrics of every ended day, and update the alarms by yesterday's metrics."""
        now = self.clock()
        yesterday = now.date() - _ONE_DAY
        self.store.delete_after(yesterday)
        for day in self._missing_days(yesterday):
            rows = self._metrics(day)
            self.store.replace_day(day, rows)
            log.info("drift_measured", day=str(day), sources=len({row.source for row in rows}))
        self._judge_day(yesterday, now)
        self.store.purge((now - self.config.retention.rows).date())
        self.alarms.purge(now)

    def check_feeds(self) -> None:
        """Update the alarms for silent sources, and write the file of metrics for Prometheus."""
        now, limit = self.clock(), self.config.drift.alarms.silent
        feeds = self._feeds(now)
        silent = {alarm.source for alarm in self.alarms.active() if alarm.measure == SILENT}
        for feed in feeds:
            changes = judge_feed(feed, limit, feed.source in silent, now)
            events = (AlarmEvent.FEED_SILENT, AlarmEvent.FEED_HEARD)
            self._apply(feed.source, changes, now, events)
        for source in sorted(silent - {feed.source for feed in feeds}):
            events = (AlarmEvent.FEED_SILENT, AlarmEvent.FEED_FORGOTTEN)
            self._apply(source, AlarmChanges(cleared=(SILENT,)), now, events)
        self._write_metrics(feeds, now)

    def _missing_days(self, yesterday: date) -> Iterator[date]:
        first, last = self.store.days()
        if first is None:
            return
        day = max(first, yesterday - _MAX_CATCH_UP * _ONE_DAY)
        if last is not None:
            day = max(day, last + _ONE_DAY)
        while day <= yesterday:
            yield day
            day += _ONE_DAY

    def _metrics(self, day: date) -> list[DailyMetric]:
        with closing(self.store.films(self._plan.window_of(day), day)) as films:
            counts_by_source = count_by_source(films)
        return [
            DailyMetric(day, source, metric, counts.model)
            for source, counts in _largest(counts_by_source, lambda counts: counts.films)
            for metric in compute_metrics(counts, self._reference(source, counts, day), self._plan)
        ]

    def _reference(self, source: Source, counts: SourceCounts, day: date) -> DriftReference | None:
        """Return the reference of a source, which is built once and then stored."""
        model, plan = counts.model, self._plan
        if not model:
            return None
        stored = self.store.reference(source, model, plan.basis)
        if stored is not None:
            return stored
        films = self._reference_films(source, model, day)
        reference = build_reference(source, films, model, plan)
        if reference is None:
            return None
        self.store.add_reference(reference)
        # Another process may have stored its reference first.
        return self.store.reference(source, model, plan.basis)

    def _reference_films(self, source: Source, model: str, day: date) -> list[ReceivedFilm]:
        """Return the films of a reference, or [] until all these films are received."""
        plan, store = self._plan, self.store
        if plan.since is not None and plan.until is not None:
            complete = plan.until <= day
            return list(store.films(plan.since, plan.until, source)) if complete else []
        first = store.first_scored(source, model)
        if first is None:
            return []
        with closing(store.films(first, day, source)) as films:
            return first_days(films, model, plan, day + _ONE_DAY)

    def _judge_day(self, day: date, now: datetime) -> None:
        active: defaultdict[Source, set[str]] = defaultdict(set)
        for alarm in self.alarms.active():
            if alarm.measure != SILENT:
                active[alarm.source].add(alarm.measure)
        metrics: defaultdict[Source, list[Metric]] = defaultdict(list)
        for row in self.store.rows(day):
            metrics[row.source].append(row.metric)
        on, limits = (day, self._plan), self.config.drift.alarms.model_dump()
        events = (AlarmEvent.DRIFT_ALARM, AlarmEvent.DRIFT_EASED)
        for source in sorted(metrics.keys() | active.keys()):
            changes = judge_metrics(source, metrics[source], limits, active[source], on)
            self._apply(source, changes, now, events)

    def _apply(
        self,
        source: Source,
        changes: AlarmChanges,
        now: datetime,
        events: tuple[AlarmEvent, AlarmEvent],
    ) -> None:
        """Store and log changes of alarms; `events` are the events of raised and cleared alarms."""
        raised, cleared = events
        for alarm in changes.raised:
            fields = to_log_fields(alarm)
            content = self._content(raised, fields, now)
            if self.alarms.activate(source, alarm.metric.measure, now, content):
                log.error(raised, **fields)
        for measure in changes.cleared:
            fields = alarm_key(source, measure)
            content = self._content(cleared, fields, now)
            if self.alarms.clear(source, measure, now, content):
                log.warning(cleared, **fields)

    def _content(self, event: AlarmEvent, fields: dict[str, Any], now: datetime) -> dict[str, Any]:
        """Return the content of a notice, with fields for programs and a sentence for people."""
        head = {"event": event, "node": self.config.dicom.ae_title, "at": now.isoformat()}
        return {**head, **fields, "text": alarm_sentence(event, fields)}

    def _feeds(self, now: datetime) -> list[Feed]:
        arrivals = self.store.arrivals(now - LOOK_BACK)
        zone = self.config.drift.time_zone
        return [
            measure_silence(source, times, now, lambda time: time.astimezone(zone))
            for source, times in _largest(arrivals, len)
        ]

    def _write_metrics(self, feeds: Sequence[Feed], now: datetime) -> None:
        file = self.config.drift.metrics_file
        if file is not None:
            rows = self.store.rows(now.date() - _ONE_DAY)
            content = exposition(rows, self.alarms.active(), feeds)
            write_atomically(file, content, mode=_READABLE_BY_ALL)


def _largest(by_source: Mapping[Source, T], films: Callable[[T], int]) -> list[tuple[Source, T]]:
    """Return at most 200 sources, those with the most films, sorted by source."""
    sizes = sorted(by_source.items(), key=lambda item: -films(item[1]))
    if len(sizes) > _MAX_SOURCES:
        log.warning("sources_left_out", count=len(sizes) - _MAX_SOURCES)
    return sorted(sizes[:_MAX_SOURCES], key=lambda item: item[0])
