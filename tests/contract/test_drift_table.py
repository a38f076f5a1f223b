"""Films for drift monitoring are read, and metrics are stored, on SQLite and PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from node.domain.admission.header_rules import Admitted, Reason, Refused
from node.domain.decision.prediction import Verdict
from node.domain.workflow.job import Analysed
from node.drift.metric_store import DriftMetricStore
from node.drift.metrics import DailyMetric, DriftReference, Metric, ReceivedFilm, Source
from tests.contract.conftest import VERDICT, Table, film

MODEL = "ab" * 32
DAY = date(2026, 1, 1)
ONE_DAY = timedelta(days=1)
BASIS = "first 28 days, 200 films or more"
XRAY, OTHER = Source("XRAY1", "ROOM 2"), Source("XRAY2", "")
SCORED = ReceivedFilm(DAY, XRAY, "DONE", "", "F", 67.0, MODEL, 0.61, True)


def send(table: Table, number: int, verdict: Verdict | None = VERDICT, **facts: Any) -> None:
    """Receive a film; if it has a verdict, settle its analysis without results."""
    values = {"calling_ae": XRAY.calling_ae, "station": XRAY.station, "sex": "F"} | facts
    assert table.intake.receive(
        replace(film(number), **values), Admitted(), f"f/{number}", table.now
    )
    if verdict is not None:
        (job,) = table.claim()
        assert table.queue.settle(job, Analysed(verdict, ()), table.now)


def films(table: Table, **filters: Any) -> list[ReceivedFilm]:
    return list(DriftMetricStore(table.engine).films(DAY, DAY, **filters))


def test_a_film_has_all_values_for_metrics(table: Table) -> None:
    """A film that is not scored has no model and no score."""
    send(table, 1)
    refused = Refused(Reason.VIEW, "lateral")
    second = replace(film(2), calling_ae="XRAY2")
    assert table.intake.receive(second, refused, "f/2", table.now)
    send(table, 3, None)
    assert films(table) == [
        SCORED,
        ReceivedFilm(DAY, OTHER, "REJECTED", "view", "", 67.0, "", None, False),
        SCORED._replace(state="RECEIVED", model="", image=None, flagged=False),
    ]


def test_a_known_finding_is_not_flagged(table: Table) -> None:
    send(table, 1, replace(VERDICT, decision=replace(VERDICT.decision, already_reported=True)))
    assert films(table) == [SCORED._replace(flagged=False)]


def test_a_recovered_orphan_belongs_to_no_source(table: Table) -> None:
    send(table, 1, calling_ae="")
    assert films(table) == []
    assert DriftMetricStore(table.engine).arrivals(table.now) == {}


@pytest.mark.parametrize(
    ("at", "counted"),
    [
        (datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), False),
        (datetime(2026, 1, 1, tzinfo=UTC), True),
        (datetime(2026, 1, 1, 23, 59, 59, 999999, tzinfo=UTC), True),
        (datetime(2026, 1, 2, tzinfo=UTC), False),
    ],
)
def test_days_are_in_utc(table: Table, at: datetime, counted: bool) -> None:
    table.now = at
    send(table, 1)
    assert bool(films(table)) is counted


def test_films_can_be_selected_by_source(table: Table) -> None:
    """Films without a station are a separate source."""
    send(table, 1)
    send(table, 2, station="")
    send(table, 3, calling_ae="XRAY2", station="")
    assert [received.source for received in films(table, source=XRAY)] == [XRAY]
    assert [received.source for received in films(table, source=OTHER)] == [OTHER]


def test_first_scored_is_the_first_day_of_a_bundle(table: Table) -> None:
    store = DriftMetricStore(table.engine)
    send(table, 1, replace(VERDICT, model=replace(VERDICT.model, digest="cd" * 32)))
    assert store.first_scored(XRAY, MODEL) is None
    table.later(86_400)
    send(table, 2)
    table.later(86_400)
    send(table, 3)
    assert store.first_scored(XRAY, MODEL) == DAY + ONE_DAY
    assert store.first_scored(OTHER, MODEL) is None


def test_arrivals_are_thinned_and_in_order(table: Table) -> None:
    """For each period of ten minutes, only the last time of receipt is returned."""
    store, start = DriftMetricStore(table.engine), table.now
    for number, minutes in enumerate((0, 3, 9, 10, 35), 1):
        table.now = start + timedelta(minutes=minutes)
        send(table, number, None)
    send(table, 9, None, calling_ae="XRAY2", station="")
    expected = [start + timedelta(minutes=minutes) for minutes in (9, 10, 35)]
    assert store.arrivals(start) == {XRAY: expected, OTHER: expected[-1:]}
    assert store.arrivals(start + timedelta(minutes=20))[XRAY] == expected[-1:]


def row(
    measure: str = "psi", day: date = DAY, value: float | None = 0.3, **values: Any
) -> DailyMetric:
    metric = Metric(measure, value, 250, values.get("reference"))
    return DailyMetric(day, values.get("source", XRAY), metric, MODEL)


class TestMetrics:
    def test_metrics_are_read_as_they_were_written(self, table: Table) -> None:
        store = DriftMetricStore(table.engine)
        rows = [row("films", value=250.0, reference=180.0), row("psi", value=None)]
        store.replace_day(DAY, rows)
        store.replace_day(DAY + ONE_DAY, [row(day=DAY + ONE_DAY, source=OTHER)])
        assert store.rows(DAY, "XRAY1") == rows
        assert [stored.source for stored in store.rows(DAY + ONE_DAY)] == [OTHER]
        assert store.days() == (None, DAY + ONE_DAY)

    def test_new_metrics_replace_those_of_the_same_day(self, table: Table) -> None:
        """A stored measure that is missing from the new metrics is deleted."""
        store = DriftMetricStore(table.engine)
        store.replace_day(DAY, [row(), row("refused.view")])
        store.replace_day(DAY, [row(value=0.1)])
        assert store.rows(DAY) == [row(value=0.1)]

    def test_several_processes_store_a_day_once(self, open_table: Callable[[], Table]) -> None:
        stores = [DriftMetricStore(open_table().engine) for _ in range(4)]
        rows = [row(f"refused.{n}", source=Source("XRAY1", f"{n}")) for n in range(40)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda store: store.replace_day(DAY, rows), stores * 3))
        assert sorted(map(str, stores[0].rows(DAY))) == sorted(map(str, rows))

    def test_many_metrics_are_stored_in_several_statements(self, table: Table) -> None:
        store = DriftMetricStore(table.engine)
        store.replace_day(DAY, [row(source=Source("XRAY1", f"{n}")) for n in range(4001)])
        assert len(store.rows(DAY)) == 4001


class TestReferences:
    REFERENCE = DriftReference(XRAY, MODEL, DAY, DAY + ONE_DAY, BASIS, (0.1, 0.25), {"women": 0.5})

    def test_the_first_reference_stays(self, table: Table) -> None:
        """A second process uses the reference that is already stored."""
        store = DriftMetricStore(table.engine)
        store.add_reference(self.REFERENCE)
        store.add_reference(replace(self.REFERENCE, scores=(0.9,)))
        assert store.reference(XRAY, MODEL, BASIS) == self.REFERENCE
        assert store.reference(OTHER, MODEL, BASIS) is None
        assert store.reference(XRAY, "cd" * 32, BASIS) is None
        assert store.reference(XRAY, MODEL, "another rule") is None

    def test_a_reference_stays_while_metrics_use_it(self, table: Table) -> None:
        store = DriftMetricStore(table.engine)
        store.add_reference(self.REFERENCE)
        late = DAY + 400 * ONE_DAY
        store.replace_day(DAY, [row()])
        store.replace_day(late, [row(day=late)])
        assert store.purge(late) == 1
        assert store.reference(XRAY, MODEL, BASIS) == self.REFERENCE
        assert store.purge(late + ONE_DAY) == 1
        assert store.reference(XRAY, MODEL, BASIS) is None
