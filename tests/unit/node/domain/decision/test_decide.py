"""Decisions follow from score, threshold, indeterminate band and overrides."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.decision.decide import NO_SCORE, TOO_CLOSE, decide
from node.domain.decision.prediction import Decision, Finding, Probability, ScoreKind, Undetermined
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds
from tests.support.film_facts import film
from tests.support.policies import HALF, UNEQUAL, override, policy

score = st.floats(0, 1)
maybe = st.one_of(st.none(), score)


class TestDecision:
    @pytest.mark.parametrize(
        ("score", "finding"),
        [(0.49, Finding.ABSENT), (0.5, Finding.PRESENT), (0.51, Finding.PRESENT)],
    )
    def test_a_score_at_the_threshold_is_positive(self, score: float, finding: Finding) -> None:
        """The sensitivity on the model card also counts a score at the threshold as positive."""
        decision = decide(Probability(image=score), film(), policy())
        assert decision == Decision(
            finding,
            threshold=0.5,
            score=score,
            score_kind=ScoreKind.IMAGE,
            policy=policy().digest,
            rule="default",
        )
        assert decision.flagged is (finding is Finding.PRESENT)

    @pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
    def test_a_number_that_is_not_finite_is_no_score(self, score: float) -> None:
        """NaN would count as below any threshold, so a broken net would give a negative finding."""
        decision = decide(Probability(image=score), film(), policy())
        assert (decision.finding, decision.score) == (Finding.UNDETERMINED, None)
        assert decision.undetermined is Undetermined.NO_SCORE
        assert decision.reason == NO_SCORE
        assert not decision.has_heatmap

    @given(score, score)
    def test_the_finding_follows_from_score_and_threshold(
        self, value: float, threshold: float
    ) -> None:
        """The decision states the threshold that was applied."""
        decision = decide(
            Probability(image=value), film(), policy(Rule(Thresholds.uniform(threshold)))
        )
        assert decision.threshold == threshold
        assert decision.flagged is (value >= threshold)


class TestWhichScoreCounts:
    @pytest.mark.parametrize(
        ("preferred", "probability", "kind", "score"),
        [
            (ScoreKind.COMBINED, Probability(0.1, 0.2, 0.3), ScoreKind.COMBINED, 0.3),
            (ScoreKind.COMBINED, Probability(0.1, 0.2), ScoreKind.IMAGE, 0.1),
            (ScoreKind.COMBINED, Probability(0.1, 0.2, math.nan), ScoreKind.IMAGE, 0.1),
            (ScoreKind.COMBINED, Probability(clinical=0.9), None, None),
            (ScoreKind.IMAGE, Probability(0.1, 0.2, 0.3), ScoreKind.IMAGE, 0.1),
            (ScoreKind.IMAGE, Probability(None, 0.2, 0.3), None, None),
            (ScoreKind.CLINICAL, Probability(0.1, 0.2, 0.3), ScoreKind.CLINICAL, 0.2),
            (ScoreKind.CLINICAL, Probability(0.1, None, 0.3), None, None),
        ],
    )
    def test_the_configured_score_decides(
        self,
        preferred: ScoreKind,
        probability: Probability,
        kind: ScoreKind | None,
        score: float | None,
    ) -> None:
        """The image score is used only if the combined score is configured but missing."""
        decision = decide(probability, film(), policy(score=preferred))
        assert (decision.score_kind, decision.score) == (kind, score)
        assert (decision.finding is Finding.UNDETERMINED) is (score is None)

    def test_a_clinical_score_has_no_heatmap(self) -> None:
        """The image does not contribute to a clinical score, so a heatmap would explain nothing."""
        probability = Probability(0.1, 0.9, 0.3)
        assert not decide(probability, film(), policy(score=ScoreKind.CLINICAL)).has_heatmap
        assert decide(probability, film(), policy()).has_heatmap

    @pytest.mark.parametrize(
        ("probability", "kind", "threshold", "flagged"),
        [
            (Probability(image=0.3), ScoreKind.IMAGE, 0.5, False),
            (Probability(image=0.3, combined=0.3), ScoreKind.COMBINED, 0.2, True),
            (Probability(image=0.6, combined=0.1), ScoreKind.COMBINED, 0.2, False),
            (Probability(image=0.6, combined=math.nan), ScoreKind.IMAGE, 0.5, True),
        ],
    )
    def test_each_kind_of_score_has_its_own_threshold(
        self, probability: Probability, kind: ScoreKind, threshold: float, flagged: bool
    ) -> None:
        """The kinds of score are calibrated separately, so each kind has its own threshold."""
        decision = decide(probability, film(), policy(Rule(UNEQUAL)))
        assert (decision.score_kind, decision.threshold, decision.flagged) == (
            kind,
            threshold,
            flagged,
        )

    def test_a_decision_without_a_score_states_a_threshold(self) -> None:
        """The stated threshold is that of the last kind of score that was tried."""
        assert decide(Probability(clinical=0.9), film(), policy(Rule(UNEQUAL))).threshold == 0.5

    @pytest.mark.parametrize("where", ["default", "override"])
    def test_a_clinical_score_needs_a_number(self, where: str) -> None:
        """Bundles have no operating points for the clinical score."""
        rules = [HALF, Rule(UNEQUAL)] if where == "override" else [Rule(UNEQUAL), HALF]
        with pytest.raises(ValueError, match="the clinical score has no threshold"):
            policy(rules[0], Override(rules[1]), score=ScoreKind.CLINICAL)


class TestBand:
    """The indeterminate band lies around the threshold, and its half-width is in log odds."""

    @pytest.mark.parametrize(
        ("threshold", "width", "low", "high"),
        [
            (0.5, 0.2, 0.450166002688, 0.549833997312),
            (0.1, 0.2, 0.083384581334, 0.119494631711),
            (0.9, 0.2, 0.880505368289, 0.916615418666),
            (0.5, 5.0, 0.006692850924, 0.993307149076),
            (0.0, 0.2, 0.0, 0.0),
            (1.0, 0.2, 1.0, 1.0),
        ],
    )
    def test_one_width_fits_every_threshold(
        self, threshold: float, width: float, low: float, high: float
    ) -> None:
        """The indeterminate band is narrow near 0 and near 1, and stays between 0 and 1."""
        band = Rule(Thresholds.uniform(threshold), width).band(ScoreKind.IMAGE)
        assert band == (low, high)

    @pytest.mark.parametrize(
        ("score", "finding"),
        [
            (0.45016, Finding.ABSENT),
            (0.450166002688, Finding.UNDETERMINED),
            (0.5, Finding.UNDETERMINED),
            (0.54983, Finding.UNDETERMINED),
            (0.549833997312, Finding.PRESENT),
        ],
    )
    def test_a_score_in_the_band_is_undetermined(self, score: float, finding: Finding) -> None:
        """A film with a score in the band is not flagged, but its report has score and heatmap."""
        decision = decide(
            Probability(image=score), film(), policy(Rule(Thresholds.uniform(0.5), abstain=0.2))
        )
        assert (decision.finding, decision.score) == (finding, score)
        assert decision.flagged is (finding is Finding.PRESENT)
        undetermined = finding is Finding.UNDETERMINED
        assert decision.undetermined is (Undetermined.TOO_CLOSE if undetermined else None)
        assert decision.reason == (TOO_CLOSE if undetermined else "")
        assert decision.band == (0.450166002688, 0.549833997312)
        assert decision.has_heatmap

    @given(score, score)
    def test_a_width_of_zero_is_no_band(self, value: float, threshold: float) -> None:
        """Without an indeterminate band, each score is positive or negative."""
        decision = decide(
            Probability(image=value), film(), policy(Rule(Thresholds.uniform(threshold)))
        )
        assert decision.band is None
        assert decision.finding is not Finding.UNDETERMINED

    def test_each_kind_of_score_has_its_own_band(self) -> None:
        """The score 0.2 is in the band of the combined score, but not in the image score's band."""
        rule = policy(Rule(UNEQUAL, abstain=0.1))
        assert decide(Probability(0.9, combined=0.2), film(), rule).undetermined
        assert not decide(Probability(0.2), film(), rule).undetermined

    def test_an_override_may_have_another_band(self) -> None:
        """The band of an override applies only to the films that meet its conditions."""
        narrow = Override(Rule(Thresholds.uniform(0.5), 0.01, "women"), Group(sex="F"))
        rules = policy(Rule(Thresholds.uniform(0.5), 0.2), narrow)
        assert decide(Probability(0.52), film(), rules).finding is Finding.PRESENT
        assert decide(Probability(0.52), film(sex="M"), rules).undetermined


class TestOverrides:
    @pytest.mark.parametrize(
        ("conditions", "matches"),
        [
            ({}, True),
            ({"sex": "F"}, True),
            ({"sex": "M"}, False),
            ({"calling_ae": "MODALITY"}, True),
            ({"calling_ae": "OTHER"}, False),
            ({"station": "ROOM 2"}, True),
            ({"station": "ROOM"}, False),
            ({"min_age": 67.0}, True),
            ({"min_age": 67.5}, False),
            ({"max_age": 67.0}, True),
            ({"max_age": 66.0}, False),
            ({"max_age": 0.0}, False),
            ({"min_age": 60.0, "max_age": 70.0}, True),
            ({"min_age": 70.0, "max_age": 80.0}, False),
            ({"sex": "F", "min_age": 65.0, "calling_ae": "MODALITY", "station": "ROOM 2"}, True),
            ({"sex": "F", "min_age": 65.0, "calling_ae": "OTHER", "station": "ROOM 2"}, False),
            ({"sex": "F", "station": "ROOM 1"}, False),
        ],
    )
    def test_every_condition_must_be_met(self, conditions: dict[str, Any], matches: bool) -> None:
        """The patient of this test is a woman of 67 years, and age limits are inclusive."""
        assert Group(**conditions).contains(film(station="ROOM 2")) is matches

    def test_an_unknown_age_meets_no_age_limit(self) -> None:
        """A rule for older patients must not apply to a patient who may be young."""
        unknown = film(age_years=None)
        assert not Group(min_age=0.0).contains(unknown)
        assert not Group(max_age=120.0).contains(unknown)
        assert Group(sex="F").contains(unknown)

    @pytest.mark.parametrize(
        ("facts", "threshold", "rule"),
        [
            ({}, 0.2, "old"),
            ({"age_years": 60.0}, 0.3, "overrides.2"),
            ({"sex": "M"}, 0.1, "men"),
            ({"sex": "O", "age_years": 60.0}, 0.5, "default"),
        ],
    )
    def test_the_first_matching_override_applies(
        self, facts: dict[str, Any], threshold: float, rule: str
    ) -> None:
        """The decision names the override that applies, or the default rule if none matches."""
        rules = policy(
            Rule(UNEQUAL),
            override(0.1, "men", sex="M"),
            override(0.2, "old", min_age=65.0),
            override(0.3, "overrides.2", sex="F"),
        )
        decision = decide(Probability(image=0.4), film(**facts), rules)
        assert (decision.threshold, decision.rule) == (threshold, rule)
        assert decision.flagged is (threshold <= 0.4)

    @pytest.mark.parametrize("probability", [Probability(image=0.3), Probability(combined=0.3)])
    def test_a_configured_number_applies_to_all_kinds_of_score(
        self, probability: Probability
    ) -> None:
        """An override with a single number uses it for the image score and the combined score."""
        decision = decide(probability, film(), policy(Rule(UNEQUAL), override(0.25, sex="F")))
        assert (decision.threshold, decision.flagged) == (0.25, True)
