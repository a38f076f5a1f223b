"""The drift monitor computes daily metrics, alarms and silent sources, on both databases."""

import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from node.config.settings import Config
from node.domain.workflow.job import JobState
from node.drift.alarm_store import AlarmStore
from node.drift.metric_store import DriftMetricStore
from node.drift.metrics import Measure, Metric, Source
from node.drift.monitor import DriftMonitor, plan_of
from node.jobs.tables import notice
from tests.contract.conftest import Table
from tests.peers.history import NEW, OLD, XRAY, History

FIRST = datetime(2026, 1, 5, 8, tzinfo=UTC)  # a Monday
REFERENCE = {"days": 5, "films": 50}
DRIFT = {"window": 5, "films": 50, "reference": REFERENCE, "time_zone": "UTC"}
ONE_DAY = timedelta(days=1)


class Hospital:
    """Past films in a job table, and a drift monitor of these films."""

    def __init__(self, table: Table, **drift: Any) -> None:
        self.table = table
        self.config = Config(drift=DRIFT | drift)
        self.store = DriftMetricStore(table.engine)
        self.send = History(table.engine, FIRST).send
        self.monitor = self.another_monitor()

    def another_monitor(self) -> DriftMonitor:
        """Return the drift monitor of another maintenance process."""
        alarms = AlarmStore(self.table.engine, ("webhook",))
        store = DriftMetricStore(self.table.engine)
        return DriftMonitor(store, alarms, self.config, lambda: self.table.now)

    def now(self, day: int, hour: int = 1) -> None:
        """Set the clock to an hour of a day; the first day is 0."""
        self.table.now = FIRST.replace(hour=hour) + timedelta(days=day)

    def metrics(self, day: int, source: Source = XRAY) -> dict[str, Metric]:
        """Return the stored metrics of a day."""
        date = _day(day)
        return {
            row.metric.measure: row.metric
            for row in self.store.rows(date)
            if (row.day, row.source) == (date, source)
        }

    def events(self) -> list[str]:
        """Return the events of the notices, in order."""
        with self.table.engine.begin() as connection:
            contents = connection.scalars(sa.select(notice.c.content).order_by(notice.c.id))
            return [f"{item['event']} {item['measure']}" for item in contents]


def _day(day: int) -> date:
    return (FIRST + day * ONE_DAY).date()


@pytest.fixture
def hospital(table: Table) -> Hospital:
    return Hospital(table)


def test_missed_days_are_measured_later(hospital: Hospital) -> None:
    """Each missed day has its own window. From the fifth day on, a reference exists."""
    hospital.send(9)
    hospital.now(9)
    hospital.monitor.measure()
    assert hospital.metrics(9) == {}  # this day has not ended
    films = {day: hospital.metrics(day)[Measure.FILMS].value for day in range(9)}
    assert films == {n: min(20.0 * (n + 1), 100.0) for n in range(9)}
    compared = [day for day in range(9) if Measure.PSI in hospital.metrics(day)]
    assert compared == [4, 5, 6, 7, 8]
    assert (hospital.metrics(8)[Measure.PSI].value or 0) < 0.1
    assert hospital.metrics(8)[Measure.WOMEN].reference == 0.5


def test_a_day_is_measured_once_by_several_processes(hospital: Hospital) -> None:
    hospital.send(6)
    hospital.now(6)
    hospital.monitor.measure()
    stored = hospital.store.rows(_day(0))
    with capture_logs() as logs:
        hospital.another_monitor().measure()
        hospital.monitor.measure()
    assert (hospital.store.rows(_day(0)), logs) == (stored, [])


def test_a_fast_clock_leaves_no_day_unmeasured(hospital: Hospital) -> None:
    """A day that was measured too early is measured again after its end."""
    hospital.send(3)
    hospital.now(5)
    hospital.monitor.measure()
    hospital.now(3)
    hospital.send(2, first=3)
    hospital.monitor.measure()
    assert hospital.store.days()[1] == _day(2)
    hospital.now(5)
    hospital.monitor.measure()
    assert hospital.metrics(4)[Measure.FILMS].value == 100.0


def test_a_node_that_was_down_for_months_measures_the_last_month(hospital: Hospital) -> None:
    hospital.send(1)
    hospital.send(45, first=45)
    hospital.now(90)
    hospital.monitor.measure()
    assert {row.day for row in hospital.store.rows(_day(0))} == {_day(n) for n in range(58, 90)}


def test_an_empty_table_logs_nothing(hospital: Hospital) -> None:
    with capture_logs() as logs:
        hospital.monitor.measure()
        hospital.monitor.check_feeds()
    assert logs == []


def test_rising_scores_raise_one_alarm_until_they_fall(hospital: Hospital) -> None:
    """Two processes measure, but the alarm and its end are logged and stored only once."""
    hospital.send(10)
    hospital.send(5, first=10, score_offset=0.3)
    hospital.send(6, first=15)
    with capture_logs() as logs:
        for day in (10, 15, 16, 21):
            hospital.now(day)
            hospital.monitor.measure()
            hospital.another_monitor().measure()
    events = [(item["event"], item["measure"]) for item in logs if "measure" in item]
    assert events == [("drift_alarm", "psi"), ("drift_eased", "psi")]
    assert hospital.events() == ["drift_alarm psi", "drift_eased psi"]
    [alarm] = [item for item in logs if item["event"] == "drift_alarm"]
    assert (alarm["day"], alarm["films"], alarm["limit"]) == (str(_day(14)), 100, 0.25)


def test_a_sudden_rise_of_refusals_raises_an_alarm(hospital: Hospital) -> None:
    hospital.send(10)
    hospital.send(5, first=10, state=JobState.REJECTED)
    hospital.now(12)
    hospital.monitor.measure()
    metrics = hospital.metrics(11)
    assert (metrics["refused.view"].value, metrics[Measure.ADMITTED].reference) == (0.4, 1.0)
    assert hospital.events() == ["drift_alarm admitted"]


def test_a_new_bundle_begins_a_new_reference(hospital: Hospital) -> None:
    """The alarms of the old bundle are cleared, because the new bundle has no reference."""
    hospital.send(5)
    hospital.send(5, first=5, score_offset=0.3)
    hospital.send(9, first=10, model=NEW, score_offset=0.3)
    hospital.now(10)
    hospital.monitor.measure()
    assert hospital.events() == ["drift_alarm psi"]
    hospital.now(13)
    hospital.monitor.measure()
    assert Measure.PSI not in hospital.metrics(12)
    assert hospital.events() == ["drift_alarm psi", "drift_eased psi"]
    hospital.now(19)
    hospital.monitor.measure()
    psi = hospital.metrics(18)[Measure.PSI]
    assert psi.films == 100
    assert (psi.value or 0) < 0.1


def test_a_reference_of_configured_dates(table: Table) -> None:
    """The reference is built after these dates, only for a bundle with scores on these dates."""
    hospital = Hospital(table, reference=REFERENCE | {"since": _day(2), "until": _day(6)})
    hospital.send(8)
    hospital.send(5, first=8, model=NEW)
    hospital.now(13)
    hospital.monitor.measure()
    compared = [day for day in range(13) if Measure.PSI in hospital.metrics(day)]
    assert compared == [6, 7]
    reference = hospital.store.reference(XRAY, OLD, plan_of(hospital.config).basis)
    assert reference is not None
    assert (reference.since, reference.until, len(reference.scores)) == (_day(2), _day(6), 100)


def test_a_silent_source_and_its_return_are_reported(hospital: Hospital) -> None:
    """Silence is measured in usual sending hours; after 12 weeks, `feed_forgotten` is sent."""
    hospital.send(22)
    with capture_logs() as logs:
        for day, hour in ((21, 18), (21, 23), (22, 7), (22, 11), (22, 12), (22, 13)):
            hospital.now(day, hour)
            hospital.monitor.check_feeds()
            hospital.another_monitor().check_feeds()
    assert [(item["event"], item["value"]) for item in logs] == [("feed_silent", 4.5)]
    hospital.send(1, first=22)
    hospital.now(22, 14)
    hospital.monitor.check_feeds()
    hospital.now(24, 18)
    hospital.monitor.check_feeds()
    hospital.now(22 + 7 * 12 + 1)
    hospital.monitor.check_feeds()
    assert hospital.events() == [
        "feed_silent silent",
        "feed_heard silent",
        "feed_silent silent",
        "feed_forgotten silent",
    ]


def test_the_file_of_metrics_is_written(table: Table, tmp_path: Path) -> None:
    file = tmp_path / "osteoscreen.prom"
    hospital = Hospital(table, metrics_file=file)
    hospital.send(6)
    hospital.now(6)
    hospital.monitor.measure()
    hospital.monitor.check_feeds()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644  # node_exporter runs as another user
    lines = file.read_text().splitlines()
    labels = '{calling_ae="XRAY1",station="ROOM 2"}'
    assert f"osteoscreen_drift_films{labels} 100.0" in lines
    assert any(line.startswith(f"osteoscreen_drift_psi{labels} ") for line in lines)
    assert any(
        line.startswith(f"osteoscreen_feed_last_film_timestamp_seconds{labels}") for line in lines
    )


def test_a_sender_with_many_stations_does_not_fill_the_table(hospital: Hospital) -> None:
    """The 200 sources with the most films are measured; the others are counted in the log."""
    hospital.send(2)
    for n in range(11):
        for part in _parts(n):
            hospital.send(1, per_day=1, source=part)
    hospital.now(2)
    with capture_logs() as logs:
        hospital.monitor.measure()
    sources = {row.source for row in hospital.store.rows(_day(1))}
    assert (len(sources), XRAY in sources) == (200, True)
    assert {"event": "sources_left_out", "log_level": "warning", "count": 21} in logs


def _parts(n: int) -> Iterator[Source]:
    return (Source("FLOOD", f"S{n}.{m}") for m in range(20))
