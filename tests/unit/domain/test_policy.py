"""From scores to a decision."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.policy import Override, ThresholdPolicy, Thresholds, decide, digest_of
from node.domain.prediction import Decision, Finding, Probability, Used
from tests.unit.domain.films import film

HALF = ThresholdPolicy(Thresholds.same(0.5))
APART = Thresholds(image=0.5, combined=0.2)
score = st.floats(0, 1)
maybe = st.one_of(st.none(), score)


class TestDecision:
    @pytest.mark.parametrize(
        ("score", "finding"),
        [(0.49, Finding.ABSENT), (0.5, Finding.PRESENT), (0.51, Finding.PRESENT)],
    )
    def test_a_score_at_the_threshold_is_positive(self, score: float, finding: Finding) -> None:
        """So it is on the model's card, whose sensitivity counts scores from the threshold up."""
        decision = decide(Probability(image=score), film(), HALF)
        assert decision == Decision(finding, threshold=0.5, score=score, used=Used.IMAGE)
        assert decision.flagged is (finding is Finding.PRESENT)

    @given(maybe, maybe, score)
    def test_combined_wins_over_image(
        self, image: float | None, clinical: float | None, combined: float
    ) -> None:
        """It rests on all there is, whatever the others say."""
        decision = decide(Probability(image, clinical, combined), film(), HALF)
        assert (decision.used, decision.score) == (Used.COMBINED, combined)

    @given(score, maybe)
    def test_image_counts_where_nothing_was_combined(
        self, image: float, clinical: float | None
    ) -> None:
        """Facts for the clinical model are often missing."""
        decision = decide(Probability(image, clinical), film(), HALF)
        assert (decision.used, decision.score) == (Used.IMAGE, image)

    @pytest.mark.parametrize("clinical", [None, 0.0, 0.99])
    def test_clinical_alone_decides_nothing(self, clinical: float | None) -> None:
        """Age and weight without a film are no reading of the film."""
        decision = decide(Probability(clinical=clinical), film(), HALF)
        assert decision.finding is Finding.UNDETERMINED
        assert (decision.score, decision.used, decision.flagged) == (None, None, False)
        assert decision.reason

    @pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
    def test_a_broken_number_is_no_score(self, broken: float) -> None:
        """NaN compares below every threshold: a broken net must not clear a patient."""
        decision = decide(Probability(image=broken), film(), HALF)
        assert decision.finding is Finding.UNDETERMINED
        assert decision.score is None

    @given(score, score)
    def test_a_finding_is_what_the_threshold_says(self, value: float, threshold: float) -> None:
        """Nothing but the score and the threshold that the decision states."""
        decision = decide(
            Probability(image=value), film(), ThresholdPolicy(Thresholds.same(threshold))
        )
        assert decision.threshold == threshold
        assert decision.flagged is (value >= threshold)


class TestThresholds:
    @pytest.mark.parametrize(
        ("probability", "used", "threshold", "flagged"),
        [
            (Probability(image=0.3), Used.IMAGE, 0.5, False),
            (Probability(image=0.3, combined=0.3), Used.COMBINED, 0.2, True),
            (Probability(image=0.6, combined=0.1), Used.COMBINED, 0.2, False),
            (Probability(image=0.6, combined=math.nan), Used.IMAGE, 0.5, True),
        ],
    )
    def test_each_score_is_held_to_its_own(
        self, probability: Probability, used: Used, threshold: float, flagged: bool
    ) -> None:
        """They are calibrated apart: 0.3 is little for the one and much for the other."""
        decision = decide(probability, film(), ThresholdPolicy(APART))
        assert (decision.used, decision.threshold, decision.flagged) == (used, threshold, flagged)

    def test_without_a_score_the_images_is_stated(self) -> None:
        """As ever: the image stands where nothing else does."""
        assert decide(Probability(clinical=0.9), film(), ThresholdPolicy(APART)).threshold == 0.5

    @pytest.mark.parametrize("probability", [Probability(image=0.3), Probability(combined=0.3)])
    def test_an_override_is_one_number_for_all(self, probability: Probability) -> None:
        """Whoever writes a number means it, whatever score a film gets."""
        policy = ThresholdPolicy(APART, (Override(0.25, sex="F"),))
        decision = decide(probability, film(), policy)
        assert (decision.threshold, decision.flagged) == (0.25, True)


class TestOverrides:
    @pytest.mark.parametrize(
        ("conditions", "matches"),
        [
            ({}, True),
            ({"sex": "F"}, True),
            ({"sex": "M"}, False),
            ({"calling_ae": "MODALITY"}, True),
            ({"calling_ae": "OTHER"}, False),
            ({"min_age": 67.0}, True),
            ({"min_age": 67.5}, False),
            ({"max_age": 67.0}, True),
            ({"max_age": 66.0}, False),
            ({"max_age": 0.0}, False),
            ({"min_age": 60.0, "max_age": 70.0}, True),
            ({"min_age": 70.0, "max_age": 80.0}, False),
            ({"sex": "F", "min_age": 65.0, "calling_ae": "MODALITY"}, True),
            ({"sex": "F", "min_age": 65.0, "calling_ae": "OTHER"}, False),
        ],
    )
    def test_every_condition_stated_must_hold(
        self, conditions: dict[str, Any], matches: bool
    ) -> None:
        """For a woman of 67 on the film of MODALITY; the ages at both ends are in."""
        assert Override(threshold=0.3, **conditions).matches(film()) is matches

    def test_an_unknown_age_meets_no_limit(self) -> None:
        """A threshold for the old is not for people who may be young."""
        unknown = film(age_years=None)
        assert not Override(0.3, min_age=0.0).matches(unknown)
        assert not Override(0.3, max_age=120.0).matches(unknown)
        assert Override(0.3, sex="F").matches(unknown)

    def test_the_first_match_counts(self) -> None:
        """The administrator's order is the order of precedence; no match leaves the default."""
        policy = ThresholdPolicy(
            APART, (Override(0.1, sex="M"), Override(0.2, min_age=65.0), Override(0.3, sex="F"))
        )
        assert policy.thresholds_for(film()) == Thresholds.same(0.2)
        assert policy.thresholds_for(film(age_years=60.0)) == Thresholds.same(0.3)
        assert policy.thresholds_for(film(sex="M")) == Thresholds.same(0.1)
        assert policy.thresholds_for(film(sex="O", age_years=60.0)) == APART

    def test_it_is_the_threshold_of_the_decision(self) -> None:
        """The decision states the threshold that was used, for the report and the audit."""
        policy = ThresholdPolicy(Thresholds.same(0.5), (Override(0.3, sex="F"),))
        assert decide(Probability(image=0.4), film(), policy).flagged
        decision = decide(Probability(image=0.4), film(sex="M"), policy)
        assert (decision.flagged, decision.threshold) == (False, 0.5)


class TestDigest:
    DECISION = Decision(Finding.PRESENT, threshold=0.5, score=0.61, used=Used.IMAGE)

    def test_it_is_the_same_every_time(self) -> None:
        """Result UIDs are derived from it: it must not change from one release to the next."""
        expected = "b7d36ee0c2d475ee5d00371369cdd072a2440cdf60f874678b08688089f00cde"
        assert digest_of(self.DECISION) == expected

    @pytest.mark.parametrize(
        "other",
        [
            Decision(Finding.ABSENT, threshold=0.5, score=0.61, used=Used.IMAGE),
            Decision(Finding.PRESENT, threshold=0.4, score=0.61, used=Used.IMAGE),
            Decision(Finding.PRESENT, threshold=0.5, score=0.61, used=Used.COMBINED),
            Decision(Finding.PRESENT, 0.5, score=0.61, used=Used.IMAGE, reason="x"),
        ],
    )
    def test_another_decision_has_another(self, other: Decision) -> None:
        """A report that says something else is another object."""
        assert digest_of(other) != digest_of(self.DECISION)

    def test_the_score_is_left_out(self) -> None:
        """The last bits of a score differ between processors; the film is still the same one."""
        nearly = Decision(Finding.PRESENT, threshold=0.5, score=0.6100001, used=Used.IMAGE)
        assert digest_of(nearly) == digest_of(self.DECISION)
