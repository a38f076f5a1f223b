"""Policies that tests begin with."""

from typing import Any

from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds

HALF = Rule(Thresholds.same(0.5))
APART = Thresholds(image=0.5, combined=0.2)


def policy(default: Rule = HALF, *overrides: Override, **more: Any) -> DecisionPolicy:
    return DecisionPolicy(default, overrides, **more)


def override(threshold: float, name: str = "", **conditions: Any) -> Override:
    return Override(Rule(Thresholds.same(threshold), name=name), Group(**conditions))
