"""Policies that tests begin with."""

from typing import Any

from node.domain.override import Group, Override, Rule, Thresholds
from node.domain.policy import ThresholdPolicy

HALF = Rule(Thresholds.same(0.5))
APART = Thresholds(image=0.5, combined=0.2)


def policy(default: Rule = HALF, *overrides: Override, **more: Any) -> ThresholdPolicy:
    return ThresholdPolicy(default, overrides, **more)


def override(threshold: float, name: str = "", **conditions: Any) -> Override:
    return Override(Rule(Thresholds.same(threshold), name=name), Group(**conditions))
