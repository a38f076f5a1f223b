"""Earlier films of the same patient: what is known already, and how the score has changed."""

from datetime import date
from typing import Any

import pytest

from node.domain.decision.decide import DecisionPolicy, decide
from node.domain.decision.prediction import Finding, PriorComparison, Probability, ScoreKind
from node.domain.decision.prior_studies import (
    PriorResult,
    PriorRule,
    PriorStudies,
    RepeatRule,
    look_back_start,
)
from node.domain.decision.thresholds import Rule, Thresholds
from node.domain.radiograph.film import Film
from tests.support.film_facts import film as chest_film

MODEL = "5e" * 32
TODAY = date(2026, 3, 31)
RULE = PriorRule(months=12)


def film(**facts: Any) -> Film:
    return chest_film(**{"exposure_date": TODAY, "patient": "aa" * 32} | facts)


def result(**changes: Any) -> PriorResult:
    """Return a positive result of last autumn, of the same woman."""
    facts: dict[str, Any] = {
        "exposure_date": date(2025, 10, 1),
        "score": 0.5,
        "score_kind": ScoreKind.IMAGE,
        "model_digest": MODEL,
        "reported": True,
        "sex": "F",
        "age_years": 66.0,
    }
    return PriorResult(**facts | changes)


def decided(score: float, *results: PriorResult, rule: PriorRule = RULE, **facts: Any):  # type: ignore[no-untyped-def]
    policy = DecisionPolicy(Rule(Thresholds.uniform(0.5)), prior=rule)
    return decide(Probability(image=score), film(**facts), policy, PriorStudies(MODEL, results))


@pytest.mark.parametrize(
    ("exposed", "months", "first"),
    [
        (date(2026, 3, 31), 12, date(2025, 3, 31)),
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2024, 3, 31), 1, date(2024, 2, 29)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
        (date(2026, 1, 15), 25, date(2023, 12, 15)),
        (date(3, 1, 1), 120, date.min),
        (date(2026, 1, 15), 0, None),
        (None, 12, None),
    ],
)
def test_months_are_counted_back_by_the_calendar(
    exposed: date | None, months: int, first: date | None
) -> None:
    """To the same day, or the last of a shorter month; a film without a day has no earlier ones."""
    assert look_back_start(exposed, PriorRule(months)) == first


def test_what_was_reported_is_not_flagged_again() -> None:
    """The finding stands, the film is not flagged, and the change is told."""
    decision = decided(0.7, result())
    assert (decision.finding, decision.already_reported, decision.flagged) == (
        Finding.PRESENT,
        True,
        False,
    )
    assert decision.prior == PriorComparison(months=12, reported=True, score=0.5)


def test_it_is_where_the_administrator_wants_that() -> None:
    """Told all the same."""
    decision = decided(0.7, result(), rule=PriorRule(12, RepeatRule.FLAG))
    assert (decision.already_reported, decision.flagged) == (False, True)
    assert decision.prior == PriorComparison(months=12, reported=True, score=0.5)


@pytest.mark.parametrize(
    ("earlier", "known"),
    [
        ({"exposure_date": date(2025, 3, 31)}, True),
        ({"exposure_date": date(2025, 3, 30)}, False),
        ({"exposure_date": TODAY}, True),
        ({"exposure_date": date(2026, 4, 1)}, False),
        ({"reported": False}, False),
        ({"sex": "M"}, False),
        ({"sex": ""}, True),
        ({"age_years": 69.0}, False),
        ({"age_years": 64.0}, False),
        ({"age_years": 65.0}, True),
        ({"age_years": None}, True),
        ({"model_digest": "00" * 32}, True),
        ({"score_kind": ScoreKind.COMBINED}, True),
    ],
)
def test_known_is_what_was_flagged_of_this_person_in_these_months(
    earlier: dict[str, Any], known: bool
) -> None:
    """Whatever model said it; a sex or an age of somebody else is that of another patient."""
    decision = decided(0.7, result(**earlier))
    assert decision.already_reported is known
    assert decision.flagged is not known


def test_a_finding_that_was_known_starts_no_new_year() -> None:
    """Else who has a film every month would be flagged once in a lifetime."""
    spring, summer = date(2025, 3, 1), date(2025, 8, 1)
    flagged, marked = result(exposure_date=spring), result(exposure_date=summer, reported=False)
    assert decided(0.7, marked, flagged, exposure_date=date(2026, 2, 28)).already_reported
    assert decided(0.7, marked, flagged, exposure_date=date(2026, 3, 2)).flagged


@pytest.mark.parametrize("score", [0.1, 0.49])
def test_a_negative_film_is_no_repeat(score: float) -> None:
    decision = decided(score, result())
    assert (decision.finding, decision.already_reported) == (Finding.ABSENT, False)
    assert decision.prior == PriorComparison(12, reported=True, score=0.5)


def test_the_score_is_compared_with_the_last_before() -> None:
    """Results come newest first."""
    last, older = (
        result(score=0.3, reported=False),
        result(score=0.4, exposure_date=date(2025, 6, 1)),
    )
    assert decided(0.7, last, older).prior == PriorComparison(12, reported=True, score=0.3)


@pytest.mark.parametrize(
    "earlier",
    [
        {"model_digest": "00" * 32},
        {"score_kind": ScoreKind.COMBINED},
        {"score_kind": ScoreKind.CLINICAL},
    ],
)
def test_scores_of_different_kinds_are_not_compared(earlier: dict[str, Any]) -> None:
    """Another model's score, or one that rests on other facts, is a chance of something else."""
    assert decided(0.7, result(**earlier)).prior == PriorComparison(12, reported=True, score=None)


def test_a_film_without_a_score_is_passed_over() -> None:
    """It says nothing; the one before it does."""
    nothing = result(score=None, score_kind=None, reported=False)
    assert decided(0.7, nothing).prior is None
    assert decided(0.7, nothing, result(score=0.2)).prior == PriorComparison(12, True, 0.2)


def test_without_the_rule_nothing_is_looked_at() -> None:
    decision = decided(0.7, result(), rule=PriorRule())
    assert (decision.prior, decision.flagged) == (None, True)
