"""From scores to a decision: the table of what policy makes of what facts."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.decision.decide import NO_SCORE, TOO_CLOSE, decide
from node.domain.decision.prediction import Decision, Finding, Probability, ScoreKind, Undetermined
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds
from tests.support.film_facts import film
from tests.support.policies import APART, HALF, override, policy

score = st.floats(0, 1)
maybe = st.one_of(st.none(), score)


class TestDecision:
    @pytest.mark.parametrize(
        ("score", "finding"),
        [(0.49, Finding.ABSENT), (0.5, Finding.PRESENT), (0.51, Finding.PRESENT)],
    )
    def test_a_score_at_the_threshold_is_positive(self, score: float, finding: Finding) -> None:
        """So it is on the model's card, whose sensitivity counts scores from the threshold up."""
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

    @pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
    def test_a_broken_number_is_no_score(self, broken: float) -> None:
        """NaN compares below every threshold: a broken net must not clear a patient."""
        decision = decide(Probability(image=broken), film(), policy())
        assert (decision.finding, decision.score) == (Finding.UNDETERMINED, None)
        assert decision.undetermined is Undetermined.NO_SCORE
        assert decision.reason == NO_SCORE
        assert not decision.has_heatmap

    @given(score, score)
    def test_a_finding_is_what_the_threshold_says(self, value: float, threshold: float) -> None:
        """Nothing but the score and the threshold that the decision states."""
        decision = decide(
            Probability(image=value), film(), policy(Rule(Thresholds.uniform(threshold)))
        )
        assert decision.threshold == threshold
        assert decision.flagged is (value >= threshold)


class TestWhichScoreCounts:
    @pytest.mark.parametrize(
        ("wanted", "probability", "used", "score"),
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
    def test_it_is_the_one_that_was_asked_for(
        self,
        wanted: ScoreKind,
        probability: Probability,
        used: ScoreKind | None,
        score: float | None,
    ) -> None:
        """Only a combined score has another to fall back on; facts alone decide where told to."""
        decision = decide(probability, film(), policy(score=wanted))
        assert (decision.score_kind, decision.score) == (used, score)
        assert (decision.finding is Finding.UNDETERMINED) is (score is None)

    def test_a_score_of_facts_alone_has_no_heat(self) -> None:
        """The film had no part in it: nothing on it can have raised the score."""
        probability = Probability(0.1, 0.9, 0.3)
        assert not decide(probability, film(), policy(score=ScoreKind.CLINICAL)).has_heatmap
        assert decide(probability, film(), policy()).has_heatmap

    @pytest.mark.parametrize(
        ("probability", "used", "threshold", "flagged"),
        [
            (Probability(image=0.3), ScoreKind.IMAGE, 0.5, False),
            (Probability(image=0.3, combined=0.3), ScoreKind.COMBINED, 0.2, True),
            (Probability(image=0.6, combined=0.1), ScoreKind.COMBINED, 0.2, False),
            (Probability(image=0.6, combined=math.nan), ScoreKind.IMAGE, 0.5, True),
        ],
    )
    def test_each_score_is_held_to_its_own_threshold(
        self, probability: Probability, used: ScoreKind, threshold: float, flagged: bool
    ) -> None:
        """They are calibrated apart: 0.3 is little for the one and much for the other."""
        decision = decide(probability, film(), policy(Rule(APART)))
        assert (decision.score_kind, decision.threshold, decision.flagged) == (
            used,
            threshold,
            flagged,
        )

    def test_without_a_score_a_threshold_is_stated_all_the_same(self) -> None:
        """That of the last score that might have counted."""
        assert decide(Probability(clinical=0.9), film(), policy(Rule(APART))).threshold == 0.5

    @pytest.mark.parametrize("where", ["default", "override"])
    def test_a_clinical_score_needs_a_number(self, where: str) -> None:
        """No bundle names operating points for it; a policy without its threshold is none."""
        rules = [HALF, Rule(APART)] if where == "override" else [Rule(APART), HALF]
        with pytest.raises(ValueError, match="no threshold of the clinical score"):
            policy(rules[0], Override(rules[1]), score=ScoreKind.CLINICAL)


class TestBand:
    """Scores too close to the threshold to decide: half a width in log odds either side."""

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
        """Narrow where the threshold is near 0 or 1, and never beyond them."""
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
    def test_within_it_the_finding_is_open_and_the_score_stands(
        self, score: float, finding: Finding
    ) -> None:
        """An open finding is not flagged; its score and its heat are shown."""
        decision = decide(
            Probability(image=score), film(), policy(Rule(Thresholds.uniform(0.5), abstain=0.2))
        )
        assert (decision.finding, decision.score) == (finding, score)
        assert decision.flagged is (finding is Finding.PRESENT)
        open_ = finding is Finding.UNDETERMINED
        assert decision.undetermined is (Undetermined.TOO_CLOSE if open_ else None)
        assert decision.reason == (TOO_CLOSE if open_ else "")
        assert decision.band == (0.450166002688, 0.549833997312)
        assert decision.has_heatmap

    @given(score, score)
    def test_no_width_is_no_band(self, value: float, threshold: float) -> None:
        decision = decide(
            Probability(image=value), film(), policy(Rule(Thresholds.uniform(threshold)))
        )
        assert decision.band is None
        assert decision.finding is not Finding.UNDETERMINED

    def test_each_score_has_its_own(self) -> None:
        """0.2 is in the combined score's band, and far from the image's."""
        rule = policy(Rule(APART, abstain=0.1))
        assert decide(Probability(0.9, combined=0.2), film(), rule).undetermined
        assert not decide(Probability(0.2), film(), rule).undetermined

    def test_a_group_may_have_another(self) -> None:
        """An override's band holds where the override does."""
        narrow = Override(Rule(Thresholds.uniform(0.5), 0.01, "women"), Group(sex="F"))
        rules = policy(Rule(Thresholds.uniform(0.5), 0.2), narrow)
        assert decide(Probability(0.52), film(), rules).finding is Finding.PRESENT
        assert decide(Probability(0.52), film(sex="M"), rules).undetermined


class TestOverrides:
    @pytest.mark.parametrize(
        ("conditions", "has"),
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
    def test_every_condition_stated_must_hold(self, conditions: dict[str, Any], has: bool) -> None:
        """For a woman of 67 on the film of MODALITY in room 2; the ages at both ends are in."""
        assert Group(**conditions).contains(film(station="ROOM 2")) is has

    def test_an_unknown_age_meets_no_limit(self) -> None:
        """A threshold for the old is not for people who may be young."""
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
    def test_the_first_match_counts_and_is_named(
        self, facts: dict[str, Any], threshold: float, rule: str
    ) -> None:
        """The administrator's order is the order of precedence; no match leaves the default."""
        rules = policy(
            Rule(APART),
            override(0.1, "men", sex="M"),
            override(0.2, "old", min_age=65.0),
            override(0.3, "overrides.2", sex="F"),
        )
        decision = decide(Probability(image=0.4), film(**facts), rules)
        assert (decision.threshold, decision.rule) == (threshold, rule)
        assert decision.flagged is (threshold <= 0.4)

    @pytest.mark.parametrize("probability", [Probability(image=0.3), Probability(combined=0.3)])
    def test_a_number_is_one_for_all_scores(self, probability: Probability) -> None:
        """Whoever writes a number means it, whatever score a film gets."""
        decision = decide(probability, film(), policy(Rule(APART), override(0.25, sex="F")))
        assert (decision.threshold, decision.flagged) == (0.25, True)
