"""Measuring sources of films, day by day, and seeing who has fallen silent.

Whatever is missing is done: a node that was down for a week measures that week when it is back.
Two maintenances measure the same, keep it once, and raise an alarm once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import structlog

from node.drift.alarm_store import AlarmStore
from node.drift.alarms import SILENT, AlarmEvent, Judged, Limits, judge, judge_feed, told, told_of
from node.drift.metric_store import DriftMetricStore
from node.drift.metrics import (
    Figure,
    Measured,
    Plan,
    Reference,
    SeenFilm,
    Source,
    Tally,
    figures,
    first_days,
    reference_of,
    tallies,
)
from node.drift.prometheus_file import exposition, write_metrics
from node.drift.silence import LOOK_BACK, Feed, Local, feed
from node.drift.wording import sentence

_ONE_DAY = timedelta(days=1)
_CAUGHT_UP = 31  # days that are measured late, at most
_MOST_SOURCES = 200  # a sender that makes up station names must not fill the table

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watched:
    """How sources are watched. `node` is what messages call this node."""

    node: str
    plan: Plan
    limits: Limits
    local: Local
    metrics_file: Path | None


class DriftWatch:
    """The chores `measure` and `feeds`."""

    def __init__(
        self,
        store: DriftMetricStore,
        alarms: AlarmStore,
        watched: Watched,
        kept: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._alarms = alarms
        self._watched = watched
        self._kept = kept
        self._clock = clock

    def measure(self) -> None:
        """Measure every day that has ended and is not measured, and judge the last one."""
        now = self._clock()
        yesterday = now.date() - _ONE_DAY
        self._store.forget_after(yesterday)
        for day in self._missing(yesterday):
            rows = self._measured(day)
            self._store.keep(day, rows)
            log.info("drift_measured", day=str(day), sources=len({row.source for row in rows}))
        self._judge(yesterday, now)
        self._store.purge((now - self._kept).date())
        self._alarms.purge(now)

    def feeds(self) -> None:
        """See which sources have fallen silent, which are heard again; write the metrics."""
        now, limit = self._clock(), self._watched.limits.silent
        feeds = self._feeds(now)
        silent = {one.source for one in self._alarms.standing() if one.measure == SILENT}
        for one in feeds:
            judged = judge_feed(one, limit, one.source in silent, now)
            self._tell(one.source, judged, now, (AlarmEvent.FEED_SILENT, AlarmEvent.FEED_HEARD))
        for source in sorted(silent - {one.source for one in feeds}):
            self._tell(
                source,
                Judged(eased=(SILENT,)),
                now,
                (AlarmEvent.FEED_SILENT, AlarmEvent.FEED_FORGOTTEN),
            )
        self._write_metrics(feeds, now)

    def _missing(self, yesterday: date) -> Iterator[date]:
        first, last = self._store.days()
        if first is None:
            return
        day = max(first, yesterday - _CAUGHT_UP * _ONE_DAY)
        if last is not None:
            day = max(day, last + _ONE_DAY)
        while day <= yesterday:
            yield day
            day += _ONE_DAY

    def _measured(self, day: date) -> list[Measured]:
        plan = self._watched.plan
        with closing(self._store.films(plan.window_of(day), day)) as films:
            found = tallies(films)
        return [
            Measured(day, source, figure, tally.model)
            for source, tally in _most(found, lambda tally: tally.films)
            for figure in figures(tally, self._reference(source, tally, day), plan)
        ]

    def _reference(self, source: Source, tally: Tally, day: date) -> Reference | None:
        """Return what a source is compared with on a day; it is made once, and kept."""
        model, plan = tally.model, self._watched.plan
        if not model:
            return None
        kept = self._store.reference(source, model, plan.basis)
        if kept is not None:
            return kept
        made = reference_of(source, self._reference_films(source, model, day), model, plan)
        if made is None:
            return None
        self._store.keep_reference(made)
        return self._store.reference(source, model, plan.basis)

    def _reference_films(self, source: Source, model: str, day: date) -> list[SeenFilm]:
        """Return the films that a reference is made of; none as long as they are not all there."""
        plan, store = self._watched.plan, self._store
        if plan.since is not None and plan.until is not None:
            whole = plan.until <= day
            return list(store.films(plan.since, plan.until, source)) if whole else []
        first = store.first_scored(source, model)
        if first is None:
            return []
        with closing(store.films(first, day, source)) as films:
            return first_days(films, model, plan, day + _ONE_DAY)

    def _judge(self, day: date, now: datetime) -> None:
        standing: defaultdict[Source, set[str]] = defaultdict(set)
        for one in self._alarms.standing():
            if one.measure != SILENT:
                standing[one.source].add(one.measure)
        found: defaultdict[Source, list[Figure]] = defaultdict(list)
        for row in self._store.rows(day):
            found[row.source].append(row.figure)
        on = (day, self._watched.plan)
        for source in sorted(found.keys() | standing.keys()):
            judged = judge(source, found[source], self._watched.limits, standing[source], on)
            self._tell(source, judged, now, (AlarmEvent.DRIFT_ALARM, AlarmEvent.DRIFT_EASED))

    def _tell(
        self, source: Source, judged: Judged, now: datetime, events: tuple[AlarmEvent, AlarmEvent]
    ) -> None:
        """Keep and log what is new, by the events of a beginning and an end."""
        began, ended = events
        for alarm in judged.raised:
            facts = told(alarm)
            if self._alarms.raised(source, alarm.measure, now, self._content(began, facts, now)):
                log.error(began, **facts)
        for measure in judged.eased:
            facts = told_of(source, measure)
            if self._alarms.eased(source, measure, now, self._content(ended, facts, now)):
                log.warning(ended, **facts)

    def _content(self, event: AlarmEvent, facts: dict[str, Any], now: datetime) -> dict[str, Any]:
        """Return what receivers are told: programs by the facts, people by a sentence."""
        head = {"event": event, "node": self._watched.node, "at": now.isoformat()}
        return {**head, **facts, "text": sentence(event, facts)}

    def _feeds(self, now: datetime) -> list[Feed]:
        found = self._store.arrivals(now - LOOK_BACK)
        local = self._watched.local
        return [feed(source, times, now, local) for source, times in _most(found, len)]

    def _write_metrics(self, feeds: Sequence[Feed], now: datetime) -> None:
        file = self._watched.metrics_file
        if file is not None:
            rows = self._store.rows(now.date() - _ONE_DAY)
            write_metrics(file, exposition(rows, self._alarms.standing(), feeds))


def _most(found: Mapping[Source, T], films: Callable[[T], int]) -> list[tuple[Source, T]]:
    """Return the sources with the most films, by name."""
    most = sorted(found.items(), key=lambda one: -films(one[1]))
    if len(most) > _MOST_SOURCES:
        log.warning("sources_left_out", count=len(most) - _MOST_SOURCES)
    return sorted(most[:_MOST_SOURCES], key=lambda one: one[0])
