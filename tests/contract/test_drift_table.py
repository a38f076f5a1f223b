"""Films as drift sees them, and what is kept of them, on SQLite and on PostgreSQL alike."""

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
from node.drift.metrics import Figure, Measured, Plan, Reference, SeenFilm, Source
from tests.contract.conftest import VERDICT, Table, film

MODEL = "ab" * 32
DAY = date(2026, 1, 1)
ONE_DAY = timedelta(days=1)
XRAY, OTHER = Source("XRAY1", "ROOM 2"), Source("XRAY2", "")
SCORED = SeenFilm(DAY, XRAY, "DONE", "", "F", 67.0, MODEL, 0.61, True)


def send(table: Table, number: int, verdict: Verdict | None = VERDICT, **facts: Any) -> None:
    """Take in a film; settle its analysis with nothing to be sent, if it has a verdict."""
    told = {"calling_ae": XRAY.calling_ae, "station": XRAY.station, "sex": "F"} | facts
    assert table.intake.receive(replace(film(number), **told), Admitted(), f"f/{number}", table.now)
    if verdict is not None:
        (job,) = table.claim()
        assert table.queue.settle(job, Analysed(verdict, ()), table.now)


def films(table: Table, **which: Any) -> list[SeenFilm]:
    return list(DriftMetricStore(table.engine).films(DAY, DAY, **which))


def test_a_film_has_all_that_is_measured(table: Table) -> None:
    """Each value as it went in; a film that is not scored has no model and no score."""
    send(table, 1)
    refused = Refused(Reason.VIEW, "lateral")
    one = replace(film(2), calling_ae="XRAY2")
    assert table.intake.receive(one, refused, "f/2", table.now)
    send(table, 3, None)
    assert films(table) == [
        SCORED,
        SeenFilm(DAY, OTHER, "REJECTED", "view", "", 67.0, "", None, False),
        SCORED._replace(state="RECEIVED", model="", image=None, flagged=False),
    ]


def test_what_was_known_was_not_flagged(table: Table) -> None:
    send(table, 1, replace(VERDICT, decision=replace(VERDICT.decision, known=True)))
    assert films(table) == [SCORED._replace(flagged=False)]


def test_a_film_that_was_adopted_is_no_sources(table: Table) -> None:
    send(table, 1, calling_ae="")
    assert films(table) == []
    assert DriftMetricStore(table.engine).arrivals(table.now) == {}


@pytest.mark.parametrize(
    ("at", "there"),
    [
        (datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), False),
        (datetime(2026, 1, 1, tzinfo=UTC), True),
        (datetime(2026, 1, 1, 23, 59, 59, 999999, tzinfo=UTC), True),
        (datetime(2026, 1, 2, tzinfo=UTC), False),
    ],
)
def test_days_are_those_of_utc(table: Table, at: datetime, there: bool) -> None:
    table.now = at
    send(table, 1)
    assert bool(films(table)) is there


def test_one_sources_films_alone(table: Table) -> None:
    """By station, too: of no station is another than of any."""
    send(table, 1)
    send(table, 2, station="")
    send(table, 3, calling_ae="XRAY2", station="")
    assert [one.source for one in films(table, source=XRAY)] == [XRAY]
    assert [one.source for one in films(table, source=OTHER)] == [OTHER]


def test_the_first_film_that_a_bundle_scored(table: Table) -> None:
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
    """A burst of films in ten minutes is one arrival: the last; the very last is exact."""
    store, start = DriftMetricStore(table.engine), table.now
    for number, minutes in enumerate((0, 3, 9, 10, 35), 1):
        table.now = start + timedelta(minutes=minutes)
        send(table, number, None)
    send(table, 9, None, calling_ae="XRAY2", station="")
    expected = [start + timedelta(minutes=minutes) for minutes in (9, 10, 35)]
    assert store.arrivals(start) == {XRAY: expected, OTHER: expected[-1:]}
    assert store.arrivals(start + timedelta(minutes=20))[XRAY] == expected[-1:]


def row(measure: str = "psi", day: date = DAY, value: float | None = 0.3, **of: Any) -> Measured:
    figure = Figure(measure, value, 250, of.get("reference"))
    return Measured(day, of.get("source", XRAY), figure, MODEL)


class TestFigures:
    def test_they_come_back_as_they_went_in(self, table: Table) -> None:
        store = DriftMetricStore(table.engine)
        kept = [row("films", value=250.0, reference=180.0), row("psi", value=None)]
        store.keep(DAY, kept)
        store.keep(DAY + ONE_DAY, [row(day=DAY + ONE_DAY, source=OTHER)])
        assert store.rows(DAY, "XRAY1") == kept
        assert [one.source for one in store.rows(DAY + ONE_DAY)] == [OTHER]
        assert store.days() == (None, DAY + ONE_DAY)

    def test_a_day_that_is_measured_again_takes_its_own_place(self, table: Table) -> None:
        """Also where a measure has gone, such as a reason for which nothing is refused now."""
        store = DriftMetricStore(table.engine)
        store.keep(DAY, [row(), row("refused.view")])
        store.keep(DAY, [row(value=0.1)])
        assert store.rows(DAY) == [row(value=0.1)]

    def test_two_maintenances_keep_a_day_once(self, open_table: Callable[[], Table]) -> None:
        stores = [DriftMetricStore(open_table().engine) for _ in range(4)]
        rows = [row(f"refused.{n}", source=Source("XRAY1", f"{n}")) for n in range(40)]
        with ThreadPoolExecutor(4) as maintenances:
            list(maintenances.map(lambda store: store.keep(DAY, rows), stores * 3))
        assert sorted(map(str, stores[0].rows(DAY))) == sorted(map(str, rows))

    def test_many_are_kept_by_several_statements(self, table: Table) -> None:
        store = DriftMetricStore(table.engine)
        store.keep(DAY, [row(source=Source("XRAY1", f"{n}")) for n in range(4001)])
        assert len(store.rows(DAY)) == 4001


class TestReferences:
    MADE = Reference(XRAY, MODEL, DAY, DAY + ONE_DAY, Plan().basis, (0.1, 0.25), {"women": 0.5})

    def test_the_first_one_stays(self, table: Table) -> None:
        """Whoever comes second compares with what is kept."""
        store = DriftMetricStore(table.engine)
        store.keep_reference(self.MADE)
        store.keep_reference(replace(self.MADE, scores=(0.9,)))
        assert store.reference(XRAY, MODEL, Plan().basis) == self.MADE
        assert store.reference(OTHER, MODEL, Plan().basis) is None
        assert store.reference(XRAY, "cd" * 32, Plan().basis) is None
        assert store.reference(XRAY, MODEL, "another way") is None

    def test_it_stays_as_long_as_a_figure_is_of_it(self, table: Table) -> None:
        store = DriftMetricStore(table.engine)
        store.keep_reference(self.MADE)
        late = DAY + 400 * ONE_DAY
        store.keep(DAY, [row()])
        store.keep(late, [row(day=late)])
        assert store.purge(late) == 1
        assert store.reference(XRAY, MODEL, Plan().basis) == self.MADE
        assert store.purge(late + ONE_DAY) == 1
        assert store.reference(XRAY, MODEL, Plan().basis) is None
