"""What is measured of a source, and what it is compared with."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from node.drift.metrics import (
    Figure,
    Measure,
    Plan,
    SeenFilm,
    Source,
    figures,
    first_days,
    reference_of,
    tallies,
)

XRAY = Source("XRAY1", "ROOM 2")
OLD, NEW = "ab" * 32, "cd" * 32
FIRST = date(2026, 3, 2)
PLAN = Plan(window=14, films=50, reference_days=3, reference_films=50)


def seen(n: int = 0, model: str = OLD, **facts: object) -> SeenFilm:
    """Return the n-th of a row of scored films, twenty a day, scores spread over 0 to 1."""
    film = SeenFilm(
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
    return film._replace(**facts)  # type: ignore[arg-type]


def measured(films: list[SeenFilm], **known: object) -> dict[str, Figure]:
    tally = tallies(films)[XRAY]
    return {one.measure: one for one in figures(tally, known.get("reference"), PLAN)}  # type: ignore[arg-type]


def test_shares_are_of_those_they_are_shares_of() -> None:
    """Failures of what was admitted, flags of what was scored, age and sex of what was admitted."""
    films = [seen(n) for n in range(60)]
    films += [seen(n, "", state="REJECTED", reason="view", image=None) for n in range(30)]
    films += [seen(n, "", state="REJECTED", reason="age", image=None) for n in range(10)]
    films += [seen(n, "", state="FAILED", image=None, sex="", age_years=None) for n in range(15)]
    found = measured(films)
    assert {name: (one.value, one.films) for name, one in found.items()} == {
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


def test_of_too_few_films_nothing_is_said() -> None:
    """But how many there are."""
    found = measured([seen(n) for n in range(29)])
    assert found.pop("films").value == 29
    assert {one.value for one in found.values() if one.films} == {None}


def test_sources_are_told_apart_by_station_too() -> None:
    other = Source("XRAY1", "ROOM 3")
    found = tallies([seen(1), seen(2, source=other), seen(3)])
    assert {source: tally.films for source, tally in found.items()} == {XRAY: 2, other: 1}


class TestReference:
    def test_it_is_the_first_days(self) -> None:
        """As many as are asked for, and of the last of them all films."""
        films = [seen(n) for n in range(200)]
        taken = first_days(films, OLD, PLAN, FIRST + timedelta(days=10))
        assert (taken[0].day, taken[-1].day, len(taken)) == (FIRST, FIRST + timedelta(days=2), 60)

    def test_it_is_more_days_until_there_are_enough_scores(self) -> None:
        films = [seen(n, image=None if n % 4 else 0.5) for n in range(400)]
        taken = first_days(films, OLD, PLAN, FIRST + timedelta(days=20))
        assert len(taken) == 200

    @pytest.mark.parametrize(("today", "films"), [(2, 0), (3, 60)])
    def test_it_is_made_when_its_last_day_is_over(self, today: int, films: int) -> None:
        taken = first_days([seen(n) for n in range(60)], OLD, PLAN, FIRST + timedelta(days=today))
        assert len(taken) == films

    def test_no_more_is_read_than_it_takes(self) -> None:
        """A source may have sent for years before it was first measured."""

        def endless() -> Iterator[SeenFilm]:
            yield from (seen(n) for n in range(61))
            pytest.fail("read on")

        assert len(first_days(endless(), OLD, PLAN, FIRST + timedelta(days=900))) == 60

    def test_other_bundles_scores_are_not_in_it(self) -> None:
        films = [seen(n, NEW if n % 2 else OLD) for n in range(200)]
        made = reference_of(XRAY, films, OLD, PLAN)
        assert made is not None
        assert len(made.scores) == 100
        assert made.scores == tuple(sorted(made.scores))
        assert (made.since, made.until) == (FIRST, FIRST + timedelta(days=9))

    def test_too_few_scores_make_none(self) -> None:
        assert reference_of(XRAY, [seen(n) for n in range(49)], OLD, PLAN) is None
        assert reference_of(XRAY, [], OLD, PLAN) is None

    def test_of_many_scores_evenly_spaced_ones_are_kept(self) -> None:
        made = reference_of(XRAY, [seen(n, image=n / 5000) for n in range(5001)], OLD, PLAN)
        assert made is not None
        assert (len(made.scores), made.scores[0], made.scores[-1]) == (1000, 0.0, 1.0)


class TestComparison:
    FILMS = [seen(n) for n in range(100)]  # noqa: RUF012 - nobody changes it
    REFERENCE = reference_of(XRAY, FILMS, OLD, PLAN)

    def test_the_same_films_have_not_drifted(self) -> None:
        found = measured(self.FILMS, reference=self.REFERENCE)
        assert found[Measure.PSI].value == pytest.approx(0.0, abs=1e-9)
        assert (found[Measure.KS].value, found[Measure.KS_P].value) == (0.0, 1.0)
        assert all(
            one.value == pytest.approx(one.reference)
            for one in found.values()
            if one.reference is not None
        )

    def test_higher_scores_have(self) -> None:
        higher = [film._replace(image=min(1.0, (film.image or 0) + 0.3)) for film in self.FILMS]
        found = measured(higher, reference=self.REFERENCE)
        assert (found[Measure.PSI].value or 0) > 0.25
        assert found[Measure.KS].value == pytest.approx(0.3, abs=0.011)
        assert (found[Measure.KS_P].value or 0) < 0.001
        assert found[Measure.SCORE].reference == pytest.approx(0.495)

    def test_with_too_few_scores_they_are_named_and_have_no_value(self) -> None:
        found = measured(self.FILMS[:49], reference=self.REFERENCE)
        assert found[Measure.PSI] == Figure(Measure.PSI, None, 49)

    def test_after_a_change_of_bundle_only_the_new_ones_scores_count(self) -> None:
        """They are compared with a reference of that bundle, or not at all."""
        films = [*self.FILMS, *(seen(n, NEW, image=0.9) for n in range(40))]
        tally = tallies(films)[XRAY]
        assert (tally.model, len(tally.scores[NEW])) == (NEW, 40)
        assert Measure.PSI not in {one.measure for one in figures(tally, None, PLAN)}


def test_a_reference_that_came_about_otherwise_has_another_basis() -> None:
    stated = replace(PLAN, since=FIRST, until=FIRST + timedelta(days=9))
    bases = {one.basis for one in (PLAN, replace(PLAN, reference_days=4), stated)}
    assert len(bases) == 3
    assert all(len(basis) <= 80 for basis in bases)


def test_a_window_ends_with_its_day() -> None:
    assert Plan(window=1).window_of(FIRST) == FIRST
    assert Plan(window=14).window_of(FIRST) == FIRST - timedelta(days=13)
