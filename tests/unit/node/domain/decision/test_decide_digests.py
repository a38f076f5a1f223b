"""Reports state the digest of the policy, and UIDs derive from the digest of the decision."""

from dataclasses import replace
from typing import Any

import pytest

from node.domain.decision.decide import DecisionPolicy, decide, decision_digest
from node.domain.decision.prediction import (
    Decision,
    Finding,
    PriorComparison,
    Probability,
    ScoreKind,
)
from node.domain.decision.prior_studies import PriorRule, RepeatRule
from node.domain.decision.thresholds import Rule, Thresholds
from tests.support.film_facts import film
from tests.support.policies import HALF, UNEQUAL, override, policy


class TestPolicyDigest:
    def test_it_is_the_same_every_time(self) -> None:
        """Reports state the digest of the policy, so it must not change between releases."""
        rules = policy(Rule(UNEQUAL, 0.2), override(0.1, "men", sex="M", station="ROOM 2"))
        expected = "b347c72ba197398d7ded2bd4c1659d5ba1d55e0af5b3716ef33c57ce4ed71ca4"
        assert rules.digest == expected
        assert decide(Probability(0.3), film(), rules).policy == expected

    @pytest.mark.parametrize(
        "changed",
        [
            policy(Rule(Thresholds.uniform(0.51))),
            policy(Rule(Thresholds(0.5, 0.5))),
            policy(Rule(Thresholds.uniform(0.5), abstain=0.1)),
            policy(HALF, override(0.5, "men", sex="M")),
            policy(HALF, override(0.5, "women", sex="F")),
            policy(HALF, override(0.5, "men", sex="F")),
            policy(HALF, override(0.5, "men", sex="M", station="ROOM 2")),
            policy(score=ScoreKind.IMAGE),
            policy(prior=PriorRule(12)),
            policy(prior=PriorRule(12, RepeatRule.FLAG)),
        ],
    )
    def test_every_setting_changes_it(self, changed: DecisionPolicy) -> None:
        """The settings are thresholds, bands, groups, names, kind of score and prior studies."""
        policies = [
            policy(),
            policy(prior=PriorRule(6)),
            policy(HALF, override(0.4, "men", sex="M")),
        ]
        assert changed.digest not in {compared.digest for compared in policies}


class TestDecisionDigest:
    DECISION = Decision(
        Finding.PRESENT,
        threshold=0.5,
        score=0.61,
        score_kind=ScoreKind.IMAGE,
        band=(0.4, 0.6),
        prior=PriorComparison(12, reported=False, score=0.5),
        policy="ab" * 32,
        rule="default",
    )

    def test_it_is_the_same_every_time(self) -> None:
        """Result UIDs derive from the digest, so it must not change between releases."""
        expected = "8e519d98222963ba87d3cf4a660e1325804223625a40c985a41101c2b00ec566"
        assert decision_digest(self.DECISION) == expected

    @pytest.mark.parametrize(
        "changed",
        [
            {"finding": Finding.ABSENT},
            {"threshold": 0.4},
            {"score_kind": ScoreKind.COMBINED},
            {"reason": "x"},
            {"band": None},
            {"already_reported": True},
            {"prior": None},
            {"prior": PriorComparison(12, reported=True, score=0.5)},
            {"prior": PriorComparison(12, reported=False, score=0.4)},
            {"policy": "cd" * 32},
            {"rule": "men"},
        ],
    )
    def test_every_other_attribute_changes_it(self, changed: dict[str, Any]) -> None:
        """A report with a different content must be a different DICOM object."""
        assert decision_digest(replace(self.DECISION, **changed)) != decision_digest(self.DECISION)

    def test_the_score_does_not_change_it(self) -> None:
        """The last bits of a score differ between processors, so the digest excludes the score."""
        rescored = replace(self.DECISION, score=0.6100001)
        assert decision_digest(rescored) == decision_digest(self.DECISION)
