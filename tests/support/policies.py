"""Helpers that create policies for tests."""

from dataclasses import replace
from typing import Any

from node.config.settings import Config
from node.domain.admission.header_rules import AdmissionPolicy, PixelRule
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds
from node.policies import admission_policy

HALF = Rule(Thresholds.uniform(0.5))
UNEQUAL = Thresholds(image=0.5, combined=0.2)
HEADER_ONLY = replace(admission_policy(Config()), pixels=PixelRule.OFF, one_per_study=False)
"""The default admission policy without the pixel gate and study selection."""


def make_admission_policy(**changes: Any) -> AdmissionPolicy:
    """Return the policy `HEADER_ONLY` with changed fields."""
    return replace(HEADER_ONLY, **changes)


def policy(default: Rule = HALF, *overrides: Override, **fields: Any) -> DecisionPolicy:
    """Return a decision policy; the default threshold of each score is 0.5."""
    return DecisionPolicy(default, overrides, **fields)


def override(threshold: float, name: str = "", **conditions: Any) -> Override:
    """Return an override with one threshold for the films that meet the conditions."""
    return Override(Rule(Thresholds.uniform(threshold), name=name), Group(**conditions))
