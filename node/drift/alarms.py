"""When a figure is an alarm, and when it has eased: pure decisions, with hysteresis."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from node.drift.metrics import LEAST, Figure, Measure, Plan, Source
from node.drift.silence import Feed

SILENT = "silent"
"""The measure of an alarm that says that a source sends nothing."""


class AlarmEvent(StrEnum):
    """What becomes of alarms, as the log and receivers are told. Never rename one."""

    DRIFT_ALARM = "drift_alarm"
    DRIFT_EASED = "drift_eased"
    FEED_SILENT = "feed_silent"
    FEED_HEARD = "feed_heard"
    FEED_FORGOTTEN = "feed_forgotten"


_EASED = 0.8  # share of its limit below which an alarm eases
_BY_CHANCE = 0.01  # p-value above which a distance of distributions may be chance


@dataclass(frozen=True, slots=True)
class Limits:
    """From what on a figure is an alarm; None: never.

    `psi` and `ks` are values, `failed` a share. The others are changes against the reference, to
    either side: of shares, of the median age in years. `silent` is usual time without a film.
    """

    psi: float | None = 0.25
    ks: float | None = None
    admitted: float | None = 0.2
    failed: float | None = 0.05
    flagged: float | None = 0.1
    age_median: float | None = 5.0
    women: float | None = 0.2
    silent: timedelta | None = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A figure at or beyond its limit: of a source, on a day. It has nothing of a patient.

    `value` and `limit` of a silent feed are hours, and `reference` is None.
    """

    source: Source
    measure: str
    value: float
    limit: float
    day: date
    films: int
    reference: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm that was raised and has not eased."""

    source: Source
    measure: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """What is new of a source: alarms that it raises, and measures whose alarm has eased."""

    raised: tuple[Alarm, ...] = ()
    eased: tuple[str, ...] = ()


def _itself(figure: Figure) -> float | None:
    return figure.value


def _change(figure: Figure) -> float | None:
    if figure.value is None or figure.reference is None:
        return None
    return abs(figure.value - figure.reference)


_EXCESS: Mapping[str, Callable[[Figure], float | None]] = {
    Measure.PSI: _itself,
    Measure.KS: _itself,
    Measure.FAILED: _itself,
    Measure.ADMITTED: _change,
    Measure.FLAGGED: _change,
    Measure.AGE: _change,
    Measure.WOMEN: _change,
}
"""What of each figure is held against its limit."""


def judge(
    source: Source,
    figures: Sequence[Figure],
    limits: Limits,
    standing: Collection[str],
    on: tuple[date, Plan],
) -> Judged:
    """Return what is new of a source by its figures of a day, given whose alarms stand.

    An alarm eases at four fifths of its limit. Where there are too few films now it stands; where
    there is nothing to compare with any more, as under a new bundle, or no limit, it has eased.
    """
    day, plan = on
    found = {one.measure: one for one in figures}
    raised, eased = [], []
    for measure, excess_of in _EXCESS.items():
        figure, limit = found.get(measure), getattr(limits, measure)
        stands = measure in standing
        if figure is None or limit is None:
            eased += [measure] if stands else []
            continue
        excess = excess_of(figure) if figure.films >= _least(measure, plan) else None
        if excess is None:
            continue
        if not stands and excess >= limit and not _chance(measure, found):
            raised.append(_alarm(source, figure, limit, day))
        elif stands and excess < _EASED * limit:
            eased.append(measure)
    return Judged(tuple(raised), tuple(eased))


def _least(measure: str, plan: Plan) -> int:
    """Return the films under which a figure raises no alarm; a share that fails needs few."""
    return LEAST if measure == Measure.FAILED else plan.films


def _chance(measure: str, found: Mapping[str, Figure]) -> bool:
    """Whether a distance may be chance: with few films it is large without meaning anything."""
    p = found[Measure.KS_P].value if measure == Measure.KS else None
    return p is not None and p >= _BY_CHANCE


def _alarm(source: Source, figure: Figure, limit: float, day: date) -> Alarm:
    value = figure.value
    assert value is not None, "what has no value is beyond no limit"  # noqa: S101 - for mypy
    return Alarm(source, figure.measure, value, limit, day, figure.films, figure.reference)


def judge_feed(feed: Feed, limit: timedelta | None, stands: bool, now: datetime) -> Judged:
    """Return what is new of a feed. An alarm stands until a film comes, however long that is."""
    if limit is None:
        return Judged(eased=(SILENT,) if stands else ())
    if feed.silent(limit):
        if stands or feed.quiet is None:
            return Judged()
        hours = feed.quiet / timedelta(hours=1)
        wanted = limit / timedelta(hours=1)
        return Judged((Alarm(feed.source, SILENT, hours, wanted, now.date(), 0),))
    return Judged(eased=(SILENT,) if stands else ())


def told(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm for programs."""
    return {
        **told_of(alarm.source, alarm.measure),
        "value": round(alarm.value, 4),
        "reference": None if alarm.reference is None else round(alarm.reference, 4),
        "limit": round(alarm.limit, 4),
        "films": alarm.films,
        "day": str(alarm.day),
    }


def told_of(source: Source, measure: str) -> dict[str, Any]:
    """Return which alarm it is, for programs: all there is to say of one that has eased."""
    return {"calling_ae": source.calling_ae, "station": source.station, "measure": measure}
