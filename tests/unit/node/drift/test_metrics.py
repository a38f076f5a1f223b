"""Drift metrics are computed for each source and compared with a reference."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from node.drift.metrics import (
    DriftPlan,
    Measure,
    Metric,
    ReceivedFilm,
    Source,
    build_reference,
    compute_metrics,
    count_by_source,
    first_days,
)

XRAY = Source("XRAY1", "ROOM 2")
OLD, NEW = "ab" * 32, "cd" * 32
FIRST = date(2026, 3, 2)
PLAN = DriftPlan(window=14, films=50, reference_days=3, reference_films=50)


def scored_film(n: int = 0, model: str = OLD, **values: object) -> ReceivedFilm:
    """Return the n-th scored film; there are twenty films a day, with scores from 0 to 1."""
    film = ReceivedFilm(
        day=FIRST + timedelta(days=n // 20),
        source=XRAY,
        state="DONE",
        reason="",
        sex="FM"[n % 2],
        age_years=60.0 + n % 20,
        model=model,
        image=(n * 37 % 100) / 100,
        flagged=n % 5 == 0,
    )
    return film._replace(**values)  # type: ignore[arg-type]


def metrics_of(films: list[ReceivedFilm], **options: object) -> dict[str, Metric]:
    counts = count_by_source(films)[XRAY]
    return {
        metric.measure: metric for metric in compute_metrics(counts, options.get("reference"), PLAN)
    }  # type: ignore[arg-type]


def test_each_share_has_its_own_denominator() -> None:
    """Failures, age and sex are shares of admitted films; flags are a share of scored films."""
    films = [scored_film(n) for n in range(60)]
    films += [scored_film(n, "", state="REJECTED", reason="view", image=None) for n in range(30)]
    films += [scored_film(n, "", state="REJECTED", reason="age", image=None) for n in range(10)]
    films += [
        scored_film(n, "", state="FAILED", image=None, sex="", age_years=None) for n in range(15)
    ]
    metrics = metrics_of(films)
    assert {name: (metric.value, metric.films) for name, metric in metrics.items()} == {
        "films": (115.0, 115),
        "admitted": (75 / 115, 115),
        "refused.view": (30 / 115, 115),
        "refused.age": (10 / 115, 115),
        "failed": (15 / 75, 75),
        "flagged": (12 / 60, 60),
        "age_median": (69.5, 60),
        "women": (0.5, 60),
        "score_median": (0.49, 60),
    }


def test_too_few_films_give_no_values() -> None:
    """If there are too few films, only their number is known."""
    metrics = metrics_of([scored_film(n) for n in range(29)])
    assert metrics.pop("films").value == 29
    assert {metric.value for metric in metrics.values() if metric.films} == {None}


def test_the_station_belongs_to_the_source() -> None:
    second = Source("XRAY1", "ROOM 3")
    metrics = count_by_source([scored_film(1), scored_film(2, source=second), scored_film(3)])
    assert {source: counts.films for source, counts in metrics.items()} == {XRAY: 2, second: 1}


class TestReference:
    def test_a_reference_covers_the_first_days(self) -> None:
        """The reference includes all films of its last day."""
        films = [scored_film(n) for n in range(200)]
        selected = first_days(films, OLD, PLAN, FIRST + timedelta(days=10))
        assert (selected[0].day, selected[-1].day, len(selected)) == (
            FIRST,
            FIRST + timedelta(days=2),
            60,
        )

    def test_a_reference_covers_more_days_until_there_are_enough_scores(self) -> None:
        films = [scored_film(n, image=None if n % 4 else 0.5) for n in range(400)]
        selected = first_days(films, OLD, PLAN, FIRST + timedelta(days=20))
        assert len(selected) == 200

    @pytest.mark.parametrize(("today", "films"), [(2, 0), (3, 60)])
    def test_a_reference_is_built_after_its_last_day(self, today: int, films: int) -> None:
        selected = first_days(
            [scored_film(n) for n in range(60)], OLD, PLAN, FIRST + timedelta(days=today)
        )
        assert len(selected) == films

    def test_reading_stops_when_the_reference_is_complete(self) -> None:
        """A source may have sent films for years before drift monitoring began."""

        def endless() -> Iterator[ReceivedFilm]:
            yield from (scored_film(n) for n in range(61))
            pytest.fail("read on")

        assert len(first_days(endless(), OLD, PLAN, FIRST + timedelta(days=900))) == 60

    def test_scores_of_other_bundles_are_excluded(self) -> None:
        films = [scored_film(n, NEW if n % 2 else OLD) for n in range(200)]
        reference = build_reference(XRAY, films, OLD, PLAN)
        assert reference is not None
        assert len(reference.scores) == 100
        assert reference.scores == tuple(sorted(reference.scores))
        assert (reference.since, reference.until) == (FIRST, FIRST + timedelta(days=9))

    def test_too_few_scores_give_no_reference(self) -> None:
        assert build_reference(XRAY, [scored_film(n) for n in range(49)], OLD, PLAN) is None
        assert build_reference(XRAY, [], OLD, PLAN) is None

    def test_quantiles_replace_many_scores(self) -> None:
        reference = build_reference(
            XRAY, [scored_film(n, image=n / 5000) for n in range(5001)], OLD, PLAN
        )
        assert reference is not None
        assert (len(reference.scores), reference.scores[0], reference.scores[-1]) == (
            1000,
            0.0,
            1.0,
        )


class TestComparison:
    FILMS = [scored_film(n) for n in range(100)]  # noqa: RUF012 - a constant
    REFERENCE = build_reference(XRAY, FILMS, OLD, PLAN)

    def test_the_same_films_show_no_drift(self) -> None:
        metrics = metrics_of(self.FILMS, reference=self.REFERENCE)
        assert metrics[Measure.PSI].value == pytest.approx(0.0, abs=1e-9)
        assert (metrics[Measure.KS].value, metrics[Measure.KS_P].value) == (0.0, 1.0)
        assert all(
            metric.value == pytest.approx(metric.reference)
            for metric in metrics.values()
            if metric.reference is not None
        )

    def test_higher_scores_show_drift(self) -> None:
        higher = [film._replace(image=min(1.0, (film.image or 0) + 0.3)) for film in self.FILMS]
        metrics = metrics_of(higher, reference=self.REFERENCE)
        assert (metrics[Measure.PSI].value or 0) > 0.25
        assert metrics[Measure.KS].value == pytest.approx(0.3, abs=0.011)
        assert (metrics[Measure.KS_P].value or 0) < 0.001
        assert metrics[Measure.SCORE].reference == pytest.approx(0.495)

    def test_a_comparison_of_too_few_scores_has_no_value(self) -> None:
        metrics = metrics_of(self.FILMS[:49], reference=self.REFERENCE)
        assert metrics[Measure.PSI] == Metric(Measure.PSI, None, 49)

    def test_after_a_change_of_bundle_only_its_scores_count(self) -> None:
        """Scores of the new bundle are compared only with a reference of the same bundle."""
        films = [*self.FILMS, *(scored_film(n, NEW, image=0.9) for n in range(40))]
        counts = count_by_source(films)[XRAY]
        assert (counts.model, len(counts.scores[NEW])) == (NEW, 40)
        assert Measure.PSI not in {metric.measure for metric in compute_metrics(counts, None, PLAN)}


def test_a_changed_reference_rule_changes_the_basis() -> None:
    stated = replace(PLAN, since=FIRST, until=FIRST + timedelta(days=9))
    bases = {plan.basis for plan in (PLAN, replace(PLAN, reference_days=4), stated)}
    assert len(bases) == 3
    assert all(len(basis) <= 80 for basis in bases)


def test_a_window_ends_with_its_day() -> None:
    assert replace(PLAN, window=1).window_of(FIRST) == FIRST
    assert PLAN.window_of(FIRST) == FIRST - timedelta(days=13)
