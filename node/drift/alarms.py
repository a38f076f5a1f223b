"""Decisions on alarms: a metric raises an alarm and clears it with hysteresis."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from node.drift.metrics import MIN_FILMS, DriftPlan, Measure, Metric, Source
from node.drift.silence import Feed

SILENT = "silent"
"""The measure of the alarm that is raised if a source sends no films."""


class AlarmEvent(StrEnum):
    """Events of alarms in the log and in notices; never rename an event."""

    DRIFT_ALARM = "drift_alarm"
    DRIFT_EASED = "drift_eased"
    FEED_SILENT = "feed_silent"
    FEED_HEARD = "feed_heard"
    FEED_FORGOTTEN = "feed_forgotten"


LIMITS_OF_VALUES = (Measure.PSI, Measure.KS, Measure.FAILED)
"""The measures whose value is compared with the alarm limit."""

LIMITS_OF_CHANGES = (Measure.ADMITTED, Measure.FLAGGED, Measure.AGE, Measure.WOMEN)
"""The measures whose absolute change against the reference is compared with the alarm limit."""

_CLEARED_BELOW = 0.8  # share of the limit
_MAX_P_VALUE = 0.01  # with a larger p-value, the distance may be due to chance


@dataclass(frozen=True, slots=True)
class Alarm:
    """A metric of a source that has reached its limit; silence is measured in usual hours."""

    source: Source
    metric: Metric
    limit: float
    day: date


@dataclass(frozen=True, slots=True)
class ActiveAlarm:
    """An alarm that was raised and has not been cleared."""

    source: Source
    measure: str
    since: datetime


@dataclass(frozen=True, slots=True)
class AlarmChanges:
    """The new alarms of a source, and the measures whose alarms are cleared."""

    raised: tuple[Alarm, ...] = ()
    cleared: tuple[str, ...] = ()


def judge_metrics(
    source: Source,
    metrics: Sequence[Metric],
    limits: Mapping[str, float | None],
    active: Collection[str],
    on: tuple[date, DriftPlan],
) -> AlarmChanges:
    """Return the changes of a source's alarms by the metrics of a day.

    `limits` are the alarm limits by measure; None disables an alarm. `active` are the measures with
    an active alarm. An alarm is cleared below 80 % of its limit, and also if its limit or its
    metric is missing. With too few films, no alarm is raised or cleared.
    """
    day, plan = on
    by_measure = {metric.measure: metric for metric in metrics}
    raised, cleared = [], []
    for measure in (*LIMITS_OF_VALUES, *LIMITS_OF_CHANGES):
        metric, limit = by_measure.get(measure), limits.get(measure)
        is_active = measure in active
        if metric is None or limit is None:
            cleared += [measure] if is_active else []
            continue
        deviation = _deviation(metric)
        required = MIN_FILMS if measure == Measure.FAILED else plan.films
        if deviation is None or metric.films < required:
            continue
        if not is_active and deviation >= limit and not _may_be_chance(measure, by_measure):
            raised.append(Alarm(source, metric, limit, day))
        elif is_active and deviation < _CLEARED_BELOW * limit:
            cleared.append(measure)
    return AlarmChanges(tuple(raised), tuple(cleared))


def _deviation(metric: Metric) -> float | None:
    """Return the quantity that is compared with the limit: the value or its absolute change."""
    if metric.measure in LIMITS_OF_VALUES or metric.value is None:
        return metric.value
    return None if metric.reference is None else abs(metric.value - metric.reference)


def _may_be_chance(measure: str, metrics: Mapping[str, Metric]) -> bool:
    """Return whether a Kolmogorov-Smirnov distance may be due to chance."""
    p = metrics[Measure.KS_P].value if measure == Measure.KS else None
    return p is not None and p >= _MAX_P_VALUE


def judge_feed(feed: Feed, limit: timedelta | None, is_active: bool, now: datetime) -> AlarmChanges:
    """Return the changes of a source's silence alarm, which the source's next film clears."""
    if limit is None or feed.quiet is None or feed.quiet < limit:
        return AlarmChanges(cleared=(SILENT,) if is_active else ())
    if is_active:
        return AlarmChanges()
    hour = timedelta(hours=1)
    metric = Metric(SILENT, feed.quiet / hour, films=0)
    return AlarmChanges(raised=(Alarm(feed.source, metric, limit / hour, now.date()),))


def to_log_fields(alarm: Alarm) -> dict[str, Any]:
    """Return the fields of an alarm in the log and in notices."""
    metric = alarm.metric
    return {
        **alarm_key(alarm.source, metric.measure),
        "value": _rounded(metric.value),
        "reference": _rounded(metric.reference),
        "limit": _rounded(alarm.limit),
        "films": metric.films,
        "day": str(alarm.day),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def alarm_key(source: Source, measure: str) -> dict[str, Any]:
    """Return the fields that identify an alarm."""
    return {**source._asdict(), "measure": measure}
