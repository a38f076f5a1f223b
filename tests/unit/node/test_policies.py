"""The policy is resolved from the configuration: names become numbers, and errors name keys."""

from pathlib import Path

import pytest

from node.config.settings import ConfigError, load
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import ScoreKind
from node.domain.decision.prior_studies import PriorRule, RepeatRule
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds
from node.domain.errors import Misconfigured
from node.policies import decision_policy

POINTS = {"youden": Thresholds(0.4, 0.3), "sensitivity-90": Thresholds(0.2, 0.1)}


def resolve(named: str | float, key: str) -> Thresholds:
    """Resolve a threshold's name or number, like a bundle with two operating points."""
    if isinstance(named, float):
        return Thresholds.uniform(named)
    if named not in POINTS:
        raise Misconfigured(f"{key}: the model card has no {named!r}")
    return POINTS[named]


def policy(folder: Path, text: str) -> DecisionPolicy:
    """Return the policy that results from a `policy` section."""
    file = folder / "config.yaml"
    file.write_text(f"policy: {text}\n")
    return decision_policy(load(file), resolve)


def test_the_default_is_the_youden_point_without_overrides(tmp_path: Path) -> None:
    assert policy(tmp_path, "{}") == DecisionPolicy(Rule(POINTS["youden"]))


def test_every_key_reaches_the_policy(tmp_path: Path) -> None:
    """Values that an override omits are taken from the default rule."""
    text = """
      threshold: sensitivity-90
      abstain: 0.2
      score: image
      prior: {months: 12, repeat: flag}
      overrides:
        - {name: older-women, threshold: youden, sex: F, min_age: 65, max_age: 90}
        - {threshold: 0.35, abstain: 0, calling_ae: XRAY1, station: ROOM 2}
        - {abstain: 0.5, station: ROOM 3}
    """
    assert policy(tmp_path, text) == DecisionPolicy(
        default=Rule(POINTS["sensitivity-90"], 0.2),
        overrides=(
            Override(
                Rule(POINTS["youden"], 0.2, "older-women"), Group("F", min_age=65.0, max_age=90.0)
            ),
            Override(
                Rule(Thresholds.uniform(0.35), 0.0, "overrides.1"),
                Group(calling_ae="XRAY1", station="ROOM 2"),
            ),
            Override(Rule(POINTS["sensitivity-90"], 0.5, "overrides.2"), Group(station="ROOM 3")),
        ),
        score=ScoreKind.IMAGE,
        prior=PriorRule(12, RepeatRule.FLAG),
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{threshold: best}", "policy.threshold: "),
        (
            "{overrides: [{threshold: 0.2}, {threshold: best}]}",
            r"policy.overrides\[1\].threshold: ",
        ),
        (
            "{score: clinical}",
            "policy.threshold: the clinical score has no operating point 'youden'",
        ),
        (
            "{score: clinical, threshold: 0.2, overrides: [{threshold: youden}]}",
            r"policy.overrides\[0\].threshold: the clinical score has no operating point 'youden'",
        ),
    ],
)
def test_an_unknown_threshold_is_named(tmp_path: Path, text: str, key: str) -> None:
    """The error names the key of the threshold before any film is scored."""
    with pytest.raises(Misconfigured, match=f"^{key}"):
        policy(tmp_path, text)


def test_a_clinical_score_may_have_a_number_as_threshold(tmp_path: Path) -> None:
    made = policy(tmp_path, "{score: clinical, threshold: 0.2, overrides: [{abstain: 0.1}]}")
    assert made.default.thresholds.clinical == 0.2
    assert made.overrides[0].rule.thresholds.clinical == 0.2


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (
            "{overrides: [{sex: F}]}",
            r"policy.overrides\[0\]: an override sets threshold, abstain or",
        ),
        (
            "{overrides: [{threshold: 0.2, min_age: 70, max_age: 60}]}",
            r"policy.overrides\[0\]: min_age is above max_age",
        ),
        (
            "{overrides: [{threshold: 0.2, name: default}]}",
            r"policy.overrides\[0\].name: .*: a name has",
        ),
        (
            "{overrides: [{threshold: 0.2, name: overrides.1}]}",
            r"policy.overrides\[0\].name: .*: a name",
        ),
        (
            '{overrides: [{threshold: 0.2, name: "a\\nb"}]}',
            r"policy.overrides\[0\].name: .*: a name has",
        ),
        (
            "{overrides: [{threshold: 0.2, name: a}, {abstain: 0.2, name: a}]}",
            "policy: two overrides have the same name",
        ),
        ("{abstain: -0.1}", "policy.abstain: "),
        ("{abstain: .inf}", "policy.abstain: "),
        ("{score: best}", "policy.score: "),
        ("{prior: {months: 1.5}}", "policy.prior.months: "),
        ("{prior: {months: 13}}", "policy.prior.months: 13 months exceed retention.rows"),
    ],
)
def test_a_contradictory_policy_is_refused(tmp_path: Path, text: str, refusal: str) -> None:
    """The error has the configuration key and the remedy."""
    with pytest.raises(ConfigError, match=f"^config.yaml: {refusal}"):
        policy(tmp_path, text)


def test_rule_names_may_be_in_any_script(tmp_path: Path) -> None:
    """Names of rules are for people, who may write Chinese."""
    assert (
        policy(tmp_path, "{overrides: [{threshold: 0.2, name: 老年女性}]}").overrides[0].rule.name
    )
