"""Silence of a source: the time without a film in hours in which the source usually sends films.

Usual hours are learned by weekday and local hour from the weeks before the source's last film. A
long silence does not change usual hours.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from node.drift.metrics import Source

WEEKS = 4
"""The number of weeks from which usual hours are learned."""

LOOK_BACK = timedelta(weeks=3 * WEEKS)
"""The period in which films are searched; a source without a film in it is not monitored."""

_MIN_WEEKS = 2
_USUAL_SHARE = 0.75  # share of the weeks with a film in this hour of the weekday
_WEEK = timedelta(weeks=1)
_HOUR = timedelta(hours=1)

LocalClock = Callable[[datetime], datetime]
"""A function that converts a time to local time."""

Slot = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Feed:
    """The time of a source's last film, and the usual hours since then (None if unknown)."""

    source: Source
    last: datetime
    quiet: timedelta | None


def measure_silence(
    source: Source, arrivals: Sequence[datetime], now: datetime, local: LocalClock
) -> Feed:
    """Return a source's silence; `arrivals` contains sorted times from each hour with films."""
    last = arrivals[-1]
    usual = usual_hours(arrivals, local)
    return Feed(source, last, _time_within(usual, last, now, local) if usual else None)


def usual_hours(arrivals: Iterable[datetime], local: LocalClock) -> frozenset[Slot]:
    """Return pairs of weekday (Monday is 0) and hour that have a film in three of four weeks.

    If the films cover only two or three weeks, an hour needs a film in each week. If the films
    cover less than two weeks, the result is empty.
    """
    times = sorted(arrivals)
    last = times[-1]
    weeks = min(WEEKS, int((last - times[0]) / _WEEK))
    if weeks < _MIN_WEEKS:
        return frozenset()
    weeks_with_film: dict[Slot, set[int]] = {}
    for time in times:
        week = int((last - time) / _WEEK)
        if week < weeks:
            weeks_with_film.setdefault(_slot(local(time)), set()).add(week)
    required = _USUAL_SHARE * weeks
    return frozenset(
        slot for slot, weeks_found in weeks_with_film.items() if len(weeks_found) >= required
    )


def _time_within(
    usual: frozenset[Slot], begin: datetime, end: datetime, local: LocalClock
) -> timedelta:
    """Return the part of a period that lies in usual hours."""
    total, since = timedelta(), begin
    while since < end:
        local_time = local(since)
        full_hour = local_time.replace(minute=0, second=0, microsecond=0)
        until = min(since + _HOUR - (local_time - full_hour), end)
        if _slot(local_time) in usual:
            total += until - since
        since = until
    return total


def _slot(local_time: datetime) -> Slot:
    return local_time.weekday(), local_time.hour
