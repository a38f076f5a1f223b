"""A replay applies the decision rules to stored scores, and counts decisions by group."""

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
from node.replay.replay import (
    FlagChange,
    FlagCounts,
    Flip,
    ReplayedFinding,
    StoredScore,
    age_band,
    replay,
)

MODEL = "5e" * 32
ANNA = "aa" * 32
MARCH = date(2026, 3, 1)
STORED = StoredScore(
    job_id=1,
    received="2026-03-01",
    exposure_date=MARCH,
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


def stored(**values: Any) -> StoredScore:
    return STORED._replace(**values)


def policy(threshold: float = 0.4, **more: Any) -> DecisionPolicy:
    return DecisionPolicy(Rule(Thresholds.uniform(threshold)), **more)


def test_a_film_whose_flag_changes_is_listed_with_its_rule() -> None:
    result = replay([stored()], policy())
    assert result.flips == [Flip(1, FlagChange.FLAGGED, 0.45, 0.5, 0.4, "default")]
    flagged = stored(finding="present", flagged=True, threshold=0.4)
    back = replay([flagged], policy(0.5))
    assert back.flips == [Flip(1, FlagChange.UNFLAGGED, 0.45, 0.4, 0.5, "default")]


def test_a_film_whose_flag_stays_is_not_listed() -> None:
    assert replay([stored()], policy(0.5)).flips == []
    assert replay([stored(finding="present", flagged=True)], policy(0.1)).flips == []


def test_films_are_counted_by_day_sex_and_age() -> None:
    """Both the stored and the new decisions are counted."""
    films = [
        stored(),
        stored(sex="M", received="2026-03-02", image=0.9, finding="present", flagged=True),
        stored(sex="", age_years=None, image=0.41, finding="undetermined"),
    ]
    banded = DecisionPolicy(Rule(Thresholds.uniform(0.45), abstain=0.05))
    result = replay(films, banded)
    assert result.total == FlagCounts(
        3, flagged=1, new_flagged=1, undetermined=1, new_undetermined=1
    )
    assert result.by_day == {
        "2026-03-01": FlagCounts(2, 0, 0, 1, 1),
        "2026-03-02": FlagCounts(1, 1, 1, 0, 0),
    }
    assert result.by_sex["unknown"] == FlagCounts(1, 0, 0, 1, 0)
    assert result.by_age == {
        "60 to 69": FlagCounts(2, 1, 1, 0, 1),
        "unknown": FlagCounts(1, 0, 0, 1, 0),
    }


def test_without_scores_all_counts_are_zero() -> None:
    result = replay([], policy())
    assert (result.total, result.by_day, result.flips) == (FlagCounts(0, 0, 0, 0, 0), {}, [])


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
def test_ages_are_grouped_by_decade(years: float | None, band: str) -> None:
    assert age_band(years) == band


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(["F", "M"]), st.floats(40, 100))
def test_a_replay_decides_as_on_a_film(
    score: float, threshold: float, sex: str, age: float
) -> None:
    """A replay makes the same decision as scoring, with and without an override."""
    older = Override(
        Rule(Thresholds.uniform(threshold), 0.1, "older"), Group(sex="F", min_age=65.0)
    )
    rules = policy(0.5, overrides=(older,))
    film = stored(image=score, sex=sex, age_years=age)
    decision = decide(Probability(score), film, rules)
    result = replay([film], rules, patients={ANNA})
    assert result.total.new_flagged == decision.flagged
    assert result.rules == {decision.rule: 1}
    new = (str(decision.finding), decision.threshold)
    assert result.findings == {ANNA: [ReplayedFinding(MARCH, "absent", 0.5, *new)]}


def test_findings_are_those_of_the_selected_patients() -> None:
    """Films without a day or a score have no finding."""
    films = [stored(), stored(patient="bb" * 32), stored(exposure_date=None), stored(image=None)]
    assert list(replay(films, policy(), patients={ANNA}).findings) == [ANNA]
    assert len(replay(films, policy(), patients={ANNA}).findings[ANNA]) == 1
    assert replay(films, policy()).findings == {}


class TestEarlierFilms:
    RULES = replace(policy(), prior=PriorRule(12))

    def flags(self, *films: StoredScore) -> int:
        return replay(films, self.RULES, MODEL).total.new_flagged

    def second(self, **values: Any) -> StoredScore:
        return stored(
            **{"exposure_date": date(2026, 6, 1), "study": "1.2.4", "age_years": 67.0} | values
        )

    def test_a_repeat_is_not_flagged_again(self) -> None:
        """The new decision on the earlier film counts, not the stored decision."""
        assert self.flags(stored(), self.second()) == 1
        assert replay([stored(), self.second()], policy(), MODEL).total.new_flagged == 2

    @pytest.mark.parametrize(
        "values",
        [
            {"patient": "bb" * 32},
            {"study": "1.2.3"},
            {"exposure_date": date(2027, 3, 2), "age_years": 68.0},
            {"exposure_date": None},
            {"sex": "M"},
        ],
        ids=["another patient", "same study", "too late", "no day", "another sex"],
    )
    def test_another_film_is_flagged(self, values: dict[str, Any]) -> None:
        assert self.flags(stored(), self.second(**values)) == 2

    def test_a_flag_that_was_not_reported_does_not_count(self) -> None:
        assert self.flags(stored(reported=False), self.second()) == 2

    def test_a_film_without_patient_has_no_prior_studies(self) -> None:
        assert self.flags(stored(patient=""), self.second(patient="")) == 2
