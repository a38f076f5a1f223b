"""Prior studies mark repeated findings, and their scores are compared with the new score."""

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
    """Return a film of today."""
    return chest_film(**{"exposure_date": TODAY, "patient": "aa" * 32} | facts)


def result(**changes: Any) -> PriorResult:
    """Return a positive result of the same patient, six months old."""
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
    """Return the decision on a film of today with an image score."""
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
    """The period starts on the same day of the month, or on the last day of a shorter month."""
    assert look_back_start(exposed, PriorRule(months)) == first


def test_a_reported_finding_is_not_flagged_again() -> None:
    """A finding that was already reported is still present, and the comparison is stored."""
    decision = decided(0.7, result())
    assert (decision.finding, decision.already_reported, decision.flagged) == (
        Finding.PRESENT,
        True,
        False,
    )
    assert decision.prior == PriorComparison(months=12, reported=True, score=0.5)


def test_a_reported_finding_is_flagged_again_with_the_rule_flag() -> None:
    """With the rule `flag`, the finding is flagged again, and the decision has the comparison."""
    decision = decided(0.7, result(), rule=PriorRule(12, RepeatRule.FLAG))
    assert (decision.already_reported, decision.flagged) == (False, True)
    assert decision.prior == PriorComparison(months=12, reported=True, score=0.5)


@pytest.mark.parametrize(
    ("prior", "reported"),
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
def test_only_a_flagged_film_of_the_same_patient_in_the_period_counts(
    prior: dict[str, Any], reported: bool
) -> None:
    """The prior result may be of any model, but its sex and age must fit the patient."""
    decision = decided(0.7, result(**prior))
    assert decision.already_reported is reported
    assert decision.flagged is not reported


def test_a_repeat_does_not_extend_the_period() -> None:
    """If a repeat extended the period, a patient with monthly films would be flagged only once."""
    spring, summer = date(2025, 3, 1), date(2025, 8, 1)
    flagged, marked = result(exposure_date=spring), result(exposure_date=summer, reported=False)
    assert decided(0.7, marked, flagged, exposure_date=date(2026, 2, 28)).already_reported
    assert decided(0.7, marked, flagged, exposure_date=date(2026, 3, 2)).flagged


@pytest.mark.parametrize("score", [0.1, 0.49])
def test_a_negative_film_is_no_repeat(score: float) -> None:
    """The decision on a negative film contains the comparison with the prior study."""
    decision = decided(score, result())
    assert (decision.finding, decision.already_reported) == (Finding.ABSENT, False)
    assert decision.prior == PriorComparison(12, reported=True, score=0.5)


def test_the_score_is_compared_with_the_newest_prior_score() -> None:
    """Prior results are sorted by date, newest first."""
    last, older = (
        result(score=0.3, reported=False),
        result(score=0.4, exposure_date=date(2025, 6, 1)),
    )
    assert decided(0.7, last, older).prior == PriorComparison(12, reported=True, score=0.3)


@pytest.mark.parametrize(
    "prior",
    [
        {"model_digest": "00" * 32},
        {"score_kind": ScoreKind.COMBINED},
        {"score_kind": ScoreKind.CLINICAL},
    ],
)
def test_scores_of_different_kinds_are_not_compared(prior: dict[str, Any]) -> None:
    """Scores of different models or of different kinds are not comparable."""
    assert decided(0.7, result(**prior)).prior == PriorComparison(12, reported=True, score=None)


def test_a_film_without_a_score_is_ignored() -> None:
    """If the newest prior film has no score, the next older film is used."""
    unscored = result(score=None, score_kind=None, reported=False)
    assert decided(0.7, unscored).prior is None
    assert decided(0.7, unscored, result(score=0.2)).prior == PriorComparison(12, True, 0.2)


def test_zero_months_disable_the_comparison() -> None:
    """Zero months are the default."""
    decision = decided(0.7, result(), rule=PriorRule())
    assert (decision.prior, decision.flagged) == (None, True)
