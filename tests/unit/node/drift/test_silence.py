"""The silence of a source is the time without a film within its usual hours."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from node.drift.metrics import Source
from node.drift.silence import Feed, LocalClock, measure_silence, usual_hours

XRAY = Source("XRAY1", "")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
SHANGHAI = timezone(timedelta(hours=8))
WEEK, HOUR = timedelta(weeks=1), timedelta(hours=1)


def utc(time: datetime) -> datetime:
    return time


def at(text: str, week: int = 4) -> datetime:
    """Return the time `text`, such as `Tue 10:30`, in one of five weeks; week 4 is the last."""
    day, clock = text.split()
    hour, minute = map(int, clock.split(":"))
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun").index(day)
    return MONDAY + week * WEEK + timedelta(days=days, hours=hour, minutes=minute)


def working(weeks: Iterable[int] = range(5), until: str = "Fri 16:40") -> list[datetime]:
    """Return times every twenty minutes, Monday to Friday, from 8 to 17 h."""
    return [
        time
        for week in weeks
        for day in range(5)
        for minute in range(8 * 60, 17 * 60, 20)
        if (time := MONDAY + week * WEEK + timedelta(days=day, minutes=minute)) <= at(until)
    ]


@pytest.mark.parametrize(
    ("last", "now", "hours"),
    [
        ("Tue 10:00", "Tue 10:20", 1 / 3),
        ("Tue 10:00", "Tue 14:00", 4),
        ("Tue 16:40", "Wed 07:59", 1 / 3),  # the night is not counted
        ("Tue 16:40", "Wed 08:40", 1),
        ("Fri 16:40", "Sun 23:00", 1 / 3),  # the weekend is not counted
        ("Fri 16:40", "Sun 23:59", 1 / 3),
        ("Mon 08:00", "Fri 17:00", 45),  # five days of nine hours
    ],
)
def test_silence_is_counted_in_usual_hours(last: str, now: str, hours: float) -> None:
    feed = measure_silence(XRAY, working(until=last), at(now), utc)
    assert feed.quiet is not None
    assert feed.quiet / HOUR == pytest.approx(hours)


def test_a_silence_of_weeks_does_not_become_usual() -> None:
    """Usual hours are learned from the weeks before the silence, so its alarm stays active."""
    feed = measure_silence(XRAY, working(until="Wed 12:00"), at("Wed 12:00", week=9), utc)
    assert feed.quiet is not None
    assert feed.quiet / HOUR == pytest.approx(5 * 45)


@pytest.mark.parametrize(
    ("weeks", "usual"),
    [((4,), 0), ((3, 4), 0), ((2, 3, 4), 45), ((0, 2, 3, 4), 45), ((0, 1, 4), 0), (range(5), 45)],
)
def test_an_hour_with_films_in_most_weeks_is_usual(weeks: Iterable[int], usual: int) -> None:
    """With 2 or 3 weeks of data, a usual hour has films in each week; with 4 weeks, in 3 weeks."""
    hours = usual_hours(working(weeks), utc)
    assert len({slot for slot in hours if slot != (4, 16)}) == usual - (usual > 0)


def test_a_single_film_at_night_changes_no_usual_hours() -> None:
    times = sorted([*working(), at("Wed 03:00", week=2)])
    assert (2, 3) not in usual_hours(times, utc)


def test_a_rare_sender_is_never_silent() -> None:
    """A source that sends one film a day at any hour has no usual hours."""
    times = [MONDAY + timedelta(days=n, hours=n * 7 % 24) for n in range(40)]
    feed = measure_silence(XRAY, times, times[-1] + WEEK, utc)
    assert feed.quiet is None


def test_a_new_source_has_no_usual_hours() -> None:
    assert measure_silence(XRAY, [MONDAY], MONDAY + WEEK, utc) == Feed(XRAY, MONDAY, None)


@pytest.mark.parametrize(
    ("local", "slot"),
    [
        (utc, (0, 23)),
        (lambda time: time.astimezone(SHANGHAI), (1, 7)),
        (lambda time: time.astimezone(timezone(timedelta(hours=5, minutes=30))), (1, 5)),
    ],
)
def test_weekday_and_hour_are_local(local: LocalClock, slot: tuple[int, int]) -> None:
    times = [MONDAY + week * WEEK + timedelta(hours=23, minutes=50) for week in range(5)]
    assert usual_hours(times, local) == {slot}


def test_usual_hours_follow_daylight_saving_time() -> None:
    """Work begins at eight in local time, also after the change of 29 March 2026 in Europe."""
    berlin = ZoneInfo("Europe/Berlin")

    def local(time: datetime) -> datetime:
        return time.astimezone(berlin)

    times = [datetime(2026, 3, day, 8, 10, tzinfo=berlin).astimezone(UTC) for day in (2, 9, 16, 23)]
    monday = datetime(2026, 3, 30, 8, 0, tzinfo=berlin).astimezone(UTC)
    before, during = (
        measure_silence(XRAY, times, monday + shift, local) for shift in (-HOUR, HOUR)
    )
    assert before.quiet is not None
    assert during.quiet is not None
    assert during.quiet - before.quiet == HOUR


def test_hours_are_those_of_the_time_zone() -> None:
    """In India, local hours begin at half past the hour in UTC."""

    def local(time: datetime) -> datetime:
        return time.astimezone(timezone(timedelta(hours=5, minutes=30)))

    times = [MONDAY + week * WEEK + timedelta(hours=4, minutes=40) for week in range(5)]
    feed = measure_silence(XRAY, times, times[-1] + timedelta(days=1), local)
    assert feed.quiet == timedelta(minutes=50)  # from 10:10 to 11:00
