"""Measuring day by day and listening to feeds, as maintenance does, on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from node.domain.workflow.job import JobState
from node.drift.alarm_store import AlarmStore
from node.drift.alarms import Limits
from node.drift.metric_store import DriftMetricStore
from node.drift.metrics import Figure, Measure, Plan, Source
from node.drift.monitor import DriftWatch, Watched
from node.jobs.tables import notice
from tests.contract.conftest import Table
from tests.peers.history import NEW, OLD, XRAY, History

FIRST = datetime(2026, 1, 5, 8, tzinfo=UTC)  # a Monday
PLAN = Plan(window=5, films=50, reference_days=5, reference_films=50)
ONE_DAY = timedelta(days=1)


class Hospital:
    """Films of the past in a job table, and maintenance's watch on them."""

    def __init__(self, table: Table, **settings: Any) -> None:
        self.table = table
        watched = Watched("OSTEOSCREEN", PLAN, Limits(), _utc, None)
        self._watched = replace(watched, **settings)
        self.store = DriftMetricStore(table.engine)
        self.send = History(table.engine, FIRST).send
        self.watch = self.another_watch()

    def another_watch(self) -> DriftWatch:
        """Return a watch, as of one more maintenance."""
        alarms = AlarmStore(self.table.engine, ("webhook",))
        kept, clock = timedelta(days=365), lambda: self.table.now
        return DriftWatch(DriftMetricStore(self.table.engine), alarms, self._watched, kept, clock)

    def now(self, day: int, hour: int = 1) -> None:
        """Set the clock to an hour of a day, the first of which is 0."""
        self.table.now = FIRST.replace(hour=hour) + timedelta(days=day)

    def figures(self, day: int, source: Source = XRAY) -> dict[str, Figure]:
        """Return what was kept of a day."""
        wanted = _day(day)
        return {
            row.figure.measure: row.figure
            for row in self.store.rows(wanted)
            if (row.day, row.source) == (wanted, source)
        }

    def told(self) -> list[str]:
        """Return the events that a channel is to be told, in order."""
        with self.table.engine.begin() as connection:
            contents = connection.scalars(sa.select(notice.c.content).order_by(notice.c.id))
            return [f"{one['event']} {one['measure']}" for one in contents]


def _day(day: int) -> date:
    return (FIRST + day * ONE_DAY).date()


def _utc(time: datetime) -> datetime:
    return time


@pytest.fixture
def hospital(table: Table) -> Hospital:
    return Hospital(table)


def test_days_that_were_missed_are_measured_when_the_node_is_back(hospital: Hospital) -> None:
    """Each as it would have been: with its own window, and a reference once its days are over."""
    hospital.send(9)
    hospital.now(9)
    hospital.watch.measure()
    assert hospital.figures(9) == {}  # it has not ended
    films = {day: hospital.figures(day)[Measure.FILMS].value for day in range(9)}
    assert films == {n: min(20.0 * (n + 1), 100.0) for n in range(9)}
    compared = [day for day in range(9) if Measure.PSI in hospital.figures(day)]
    assert compared == [4, 5, 6, 7, 8]
    assert (hospital.figures(8)[Measure.PSI].value or 0) < 0.1
    assert hospital.figures(8)[Measure.WOMEN].reference == 0.5


def test_a_day_is_measured_once_whoever_looks(hospital: Hospital) -> None:
    hospital.send(6)
    hospital.now(6)
    hospital.watch.measure()
    kept = hospital.store.rows(_day(0))
    with capture_logs() as logs:
        hospital.another_watch().measure()
        hospital.watch.measure()
    assert (hospital.store.rows(_day(0)), logs) == (kept, [])


def test_a_clock_that_ran_ahead_leaves_no_day_unmeasured(hospital: Hospital) -> None:
    """What it measured too early is measured again when the day has really ended."""
    hospital.send(3)
    hospital.now(5)
    hospital.watch.measure()
    hospital.now(3)
    hospital.send(2, first=3)
    hospital.watch.measure()
    assert hospital.store.days()[1] == _day(2)
    hospital.now(5)
    hospital.watch.measure()
    assert hospital.figures(4)[Measure.FILMS].value == 100.0


def test_a_node_that_was_down_for_months_measures_the_last_one(hospital: Hospital) -> None:
    hospital.send(1)
    hospital.send(45, first=45)
    hospital.now(90)
    hospital.watch.measure()
    assert {row.day for row in hospital.store.rows(_day(0))} == {_day(n) for n in range(58, 90)}


def test_an_empty_table_is_no_fault(hospital: Hospital) -> None:
    with capture_logs() as logs:
        hospital.watch.measure()
        hospital.watch.feeds()
    assert logs == []


def test_scores_that_rise_are_an_alarm_once_until_they_fall(hospital: Hospital) -> None:
    """Whoever of two maintenances is first; its notices wait for a channel."""
    hospital.send(10)
    hospital.send(5, first=10, higher=0.3)
    hospital.send(6, first=15)
    with capture_logs() as logs:
        for day in (10, 15, 16, 21):
            hospital.now(day)
            hospital.watch.measure()
            hospital.another_watch().measure()
    events = [(one["event"], one["measure"]) for one in logs if "measure" in one]
    assert events == [("drift_alarm", "psi"), ("drift_eased", "psi")]
    assert hospital.told() == ["drift_alarm psi", "drift_eased psi"]
    [alarm] = [one for one in logs if one["event"] == "drift_alarm"]
    assert (alarm["day"], alarm["films"], alarm["limit"]) == (str(_day(14)), 100, 0.25)


def test_films_that_are_refused_of_a_sudden_are_an_alarm(hospital: Hospital) -> None:
    hospital.send(10)
    hospital.send(5, first=10, state=JobState.REJECTED)
    hospital.now(12)
    hospital.watch.measure()
    found = hospital.figures(11)
    assert (found["refused.view"].value, found[Measure.ADMITTED].reference) == (0.4, 1.0)
    assert hospital.told() == ["drift_alarm admitted"]


def test_a_new_bundle_begins_a_new_reference(hospital: Hospital) -> None:
    """What stood against the old one has eased: there is nothing to compare with."""
    hospital.send(5)
    hospital.send(5, first=5, higher=0.3)
    hospital.send(9, first=10, model=NEW, higher=0.3)
    hospital.now(10)
    hospital.watch.measure()
    assert hospital.told() == ["drift_alarm psi"]
    hospital.now(13)
    hospital.watch.measure()
    assert Measure.PSI not in hospital.figures(12)
    assert hospital.told() == ["drift_alarm psi", "drift_eased psi"]
    hospital.now(19)
    hospital.watch.measure()
    found = hospital.figures(18)[Measure.PSI]
    assert found.films == 100
    assert (found.value or 0) < 0.1


def test_a_reference_of_stated_dates(table: Table) -> None:
    """Made once that range is over; under a bundle that scored nothing in it there is none."""
    stated = replace(PLAN, since=_day(2), until=_day(6))
    hospital = Hospital(table, plan=stated)
    hospital.send(8)
    hospital.send(5, first=8, model=NEW)
    hospital.now(13)
    hospital.watch.measure()
    compared = [day for day in range(13) if Measure.PSI in hospital.figures(day)]
    assert compared == [6, 7]
    kept = hospital.store.reference(XRAY, OLD, stated.basis)
    assert kept is not None
    assert (kept.since, kept.until, len(kept.scores)) == (_day(2), _day(6), 100)


def test_a_feed_that_falls_silent_is_told_and_so_is_its_return(hospital: Hospital) -> None:
    """In its usual hours alone; forgotten after months, when nobody expects it any more."""
    hospital.send(22)
    with capture_logs() as logs:
        for day, hour in ((21, 18), (21, 23), (22, 7), (22, 11), (22, 12), (22, 13)):
            hospital.now(day, hour)
            hospital.watch.feeds()
            hospital.another_watch().feeds()
    assert [(one["event"], one["value"]) for one in logs] == [("feed_silent", 4.5)]
    hospital.send(1, first=22)
    hospital.now(22, 14)
    hospital.watch.feeds()
    hospital.now(24, 18)
    hospital.watch.feeds()
    hospital.now(22 + 7 * 12 + 1)
    hospital.watch.feeds()
    assert hospital.told() == [
        "feed_silent silent",
        "feed_heard silent",
        "feed_silent silent",
        "feed_forgotten silent",
    ]


def test_metrics_are_written_of_all_of_it(table: Table, tmp_path: Path) -> None:
    file = tmp_path / "osteoscreen.prom"
    hospital = Hospital(table, metrics_file=file)
    hospital.send(6)
    hospital.now(6)
    hospital.watch.measure()
    hospital.watch.feeds()
    lines = file.read_text().splitlines()
    of = '{calling_ae="XRAY1",station="ROOM 2"}'
    assert f"osteoscreen_drift_films{of} 100.0" in lines
    assert any(line.startswith(f"osteoscreen_drift_psi{of} ") for line in lines)
    assert any(
        line.startswith(f"osteoscreen_feed_last_film_timestamp_seconds{of}") for line in lines
    )


def test_a_sender_that_makes_up_stations_fills_no_table(hospital: Hospital) -> None:
    """The sources with the most films are measured, and it is said that others are not."""
    hospital.send(2)
    for n in range(11):
        for part in _parts(n):
            hospital.send(1, source=part)
    hospital.now(2)
    with capture_logs() as logs:
        hospital.watch.measure()
    sources = {row.source for row in hospital.store.rows(_day(1))}
    assert (len(sources), XRAY in sources) == (200, True)
    assert {"event": "sources_left_out", "log_level": "warning", "count": 21} in logs


def _parts(n: int) -> Iterator[Source]:
    return (Source("FLOOD", f"S{n}.{m}") for m in range(20))
