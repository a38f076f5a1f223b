"""Stored scores under other rules: the same decisions as films would get, counted by group."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.decision.decide import DecisionPolicy, decide
from node.domain.decision.prediction import Probability
from node.domain.decision.prior_studies import PriorRule
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds
from node.replay.replay import Change, Flip, Point, StoredScore, Tally, age_band, replay

MODEL = "5e" * 32
ANNA = "aa" * 32
MARCH = date(2026, 3, 1)
STORED = StoredScore(
    job_id=1,
    received="2026-03-01",
    taken=MARCH,
    sex="F",
    age_years=67.0,
    calling_ae="MODALITY",
    station="ROOM 2",
    patient=ANNA,
    study="1.2.3",
    image=0.45,
    clinical=None,
    combined=None,
    finding="absent",
    threshold=0.5,
    flagged=False,
    reported=True,
)


def stored(**facts: Any) -> StoredScore:
    return STORED._replace(**facts)


def policy(threshold: float = 0.4, **more: Any) -> DecisionPolicy:
    return DecisionPolicy(Rule(Thresholds.same(threshold)), **more)


def test_a_film_that_flips_is_named_with_its_rule() -> None:
    made = replay([stored()], policy())
    assert made.flips == [Flip(1, Change.FLAGGED, 0.45, 0.5, 0.4, "default")]
    flagged = stored(finding="present", flagged=True, threshold=0.4)
    back = replay([flagged], policy(0.5))
    assert back.flips == [Flip(1, Change.UNFLAGGED, 0.45, 0.4, 0.5, "default")]


def test_a_film_that_stays_as_it_is_does_not_flip() -> None:
    assert replay([stored()], policy(0.5)).flips == []
    assert replay([stored(finding="present", flagged=True)], policy(0.1)).flips == []


def test_films_are_counted_by_day_sex_and_age() -> None:
    """As stored and by the rules tried, open findings apart."""
    films = [
        stored(),
        stored(sex="M", received="2026-03-02", image=0.9, finding="present", flagged=True),
        stored(sex="", age_years=None, image=0.41, finding="undetermined"),
    ]
    banded = DecisionPolicy(Rule(Thresholds.same(0.45), abstain=0.05))
    made = replay(films, banded)
    assert made.all == Tally(3, flagged=1, new_flagged=1, undetermined=1, new_undetermined=1)
    assert made.by_day == {"2026-03-01": Tally(2, 0, 0, 1, 1), "2026-03-02": Tally(1, 1, 1, 0, 0)}
    assert made.by_sex["unknown"] == Tally(1, 0, 0, 1, 0)
    assert made.by_age == {"60 to 69": Tally(2, 1, 1, 0, 1), "unknown": Tally(1, 0, 0, 1, 0)}


def test_nothing_stored_is_nothing_replayed() -> None:
    made = replay([], policy())
    assert (made.all, made.by_day, made.flips) == (Tally(0, 0, 0, 0, 0), {}, [])


@pytest.mark.parametrize(
    ("years", "band"),
    [
        (None, "unknown"),
        (49.9, "under 50"),
        (50.0, "50 to 59"),
        (59.9, "50 to 59"),
        (79.0, "70 to 79"),
        (80.0, "80 and over"),
        (101.0, "80 and over"),
    ],
)
def test_ages_are_told_by_decade(years: float | None, band: str) -> None:
    assert age_band(years) == band


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(["F", "M"]), st.floats(40, 100))
def test_it_decides_as_on_a_film(score: float, threshold: float, sex: str, age: float) -> None:
    """Overrides included: by the very function."""
    older = Override(Rule(Thresholds.same(threshold), 0.1, "older"), Group(sex="F", min_age=65.0))
    rules = policy(0.5, overrides=(older,))
    one = stored(image=score, sex=sex, age_years=age)
    decision = decide(Probability(score), one, rules)
    made = replay([one], rules, patients={ANNA})
    assert made.all.new_flagged == decision.flagged
    assert made.rules == {decision.rule: 1}
    said = (str(decision.finding), decision.threshold)
    assert made.points == {ANNA: [Point(MARCH, "absent", 0.5, *said)]}


def test_only_patients_who_are_asked_for_are_kept() -> None:
    """And of these only films with a day and a score."""
    films = [stored(), stored(patient="bb" * 32), stored(taken=None), stored(image=None)]
    assert list(replay(films, policy(), patients={ANNA}).points) == [ANNA]
    assert len(replay(films, policy(), patients={ANNA}).points[ANNA]) == 1
    assert replay(films, policy()).points == {}


class TestEarlierFilms:
    RULES = replace(policy(), prior=PriorRule(12))

    def flags(self, *films: StoredScore) -> int:
        return replay(films, self.RULES, MODEL).all.new_flagged

    def second(self, **facts: Any) -> StoredScore:
        return stored(**{"taken": date(2026, 6, 1), "study": "1.2.4", "age_years": 67.0} | facts)

    def test_a_repeat_is_not_flagged_again(self) -> None:
        """By what the rules tried would have said of the earlier film, not by what was said."""
        assert self.flags(stored(), self.second()) == 1
        assert replay([stored(), self.second()], policy(), MODEL).all.new_flagged == 2

    @pytest.mark.parametrize(
        "facts",
        [
            {"patient": "bb" * 32},
            {"study": "1.2.3"},
            {"taken": date(2027, 3, 2), "age_years": 68.0},
            {"taken": None},
            {"sex": "M"},
        ],
        ids=["somebody else", "same study", "too late", "no day", "another sex"],
    )
    def test_what_is_no_repeat_is_flagged(self, facts: dict[str, Any]) -> None:
        assert self.flags(stored(), self.second(**facts)) == 2

    def test_a_flag_that_reached_nobody_counts_for_nothing(self) -> None:
        assert self.flags(stored(reported=False), self.second()) == 2

    def test_nobody_has_no_earlier_films(self) -> None:
        assert self.flags(stored(patient=""), self.second(patient="")) == 2
