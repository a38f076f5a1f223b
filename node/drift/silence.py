"""Sources that have fallen silent: no film for some time of the hours in which they usually send.

What is usual is learned from the weeks before a source's last film, by weekday and hour of the
node's local time. From the last film back, not from today: a silence that lasts for weeks must not
teach that silence is usual. Time outside these hours, a night or a weekend, does not count.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from node.drift.metrics import Source

WEEKS = 4
"""Weeks from which usual hours are learned."""

LOOK_BACK = timedelta(weeks=3 * WEEKS)
"""How far back films are looked for; a source without one since then is no longer expected."""

_LEAST_WEEKS = 2
_USUAL = 0.75  # share of the weeks in which an hour of a weekday brought a film
_WEEK = timedelta(weeks=1)
_HOUR = timedelta(hours=1)

Local = Callable[[datetime], datetime]
"""Returns a time as the clocks on the wall show it."""

Slot = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Feed:
    """A source's last film, and for how much of its usual hours nothing has come since.

    `quiet` is None where too little is known of a source to expect anything.
    """

    source: Source
    last: datetime
    quiet: timedelta | None

    def silent(self, limit: timedelta) -> bool:
        """Whether nothing has come for so much of the usual hours."""
        return self.quiet is not None and self.quiet >= limit


def feed(source: Source, arrivals: Sequence[datetime], now: datetime, local: Local) -> Feed:
    """Return how a source stands. Of its films, in order, one in each part of an hour is enough."""
    last = arrivals[-1]
    usual = usual_hours(arrivals, local)
    return Feed(source, last, _within(usual, last, now, local) if usual else None)


def usual_hours(arrivals: Iterable[datetime], local: Local) -> frozenset[Slot]:
    """Return the weekdays and hours that brought a film in three of the four weeks up to the last.

    Monday is 0. As long as there are two or three weeks, in each of them; none before that.
    """
    times = sorted(arrivals)
    last = times[-1]
    weeks = min(WEEKS, int((last - times[0]) / _WEEK))
    if weeks < _LEAST_WEEKS:
        return frozenset()
    seen: dict[Slot, set[int]] = {}
    for time in times:
        week = int((last - time) / _WEEK)
        if week < weeks:
            seen.setdefault(_slot(local(time)), set()).add(week)
    return frozenset(slot for slot, found in seen.items() if len(found) >= _USUAL * weeks)


def _within(usual: frozenset[Slot], begin: datetime, end: datetime, local: Local) -> timedelta:
    """Return how much of a span is in usual hours."""
    parts = (
        until - since for since, until in _hours(begin, end, local) if _slot(local(since)) in usual
    )
    return sum(parts, timedelta())


def _hours(begin: datetime, end: datetime, local: Local) -> Iterator[tuple[datetime, datetime]]:
    """Yield a span hour by hour, as the clocks on the wall strike."""
    since = begin
    while since < end:
        shown = local(since)
        past = timedelta(minutes=shown.minute, seconds=shown.second, microseconds=shown.microsecond)
        until = min(since + _HOUR - past, end)
        yield since, until
        since = until


def _slot(shown: datetime) -> Slot:
    return shown.weekday(), shown.hour
