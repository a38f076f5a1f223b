"""A configuration is replaced in all its parts, or in none."""

import pytest

from node.config.live import LiveConfig
from node.config.sections import Admit, Policy
from node.config.settings import Config
from node.domain.errors import Misconfigured
from node.policies import admission_policy

YOUNG = Config(policy=Policy(admit=Admit(min_age=40)))


def refuse_the_young(config: Config) -> float:
    if config.policy.admit.min_age < 50:
        raise Misconfigured("policy.admit.min_age: too young")
    return config.policy.admit.min_age


def test_who_asks_again_meets_the_new_one() -> None:
    current = LiveConfig(Config())
    policy = current.derive(admission_policy)
    before = policy()
    current.take(YOUNG)
    assert (before.min_age, policy().min_age) == (50, 40)
    assert current.config == YOUNG


def test_nothing_is_made_anew_at_each_question() -> None:
    """A film costs one look at a reference."""
    policy = LiveConfig(Config()).derive(admission_policy)
    assert policy() is policy()


def test_one_part_that_can_make_nothing_of_it_keeps_all_as_they_were() -> None:
    told: list[Config] = []
    current = LiveConfig(Config(), told.append)
    policy, limit = current.derive(admission_policy), current.derive(refuse_the_young)
    with pytest.raises(Misconfigured, match="too young"):
        current.take(YOUNG)
    assert (policy().min_age, limit(), current.config) == (50, 50, Config())
    assert told == [Config()]


def test_each_configuration_is_told_once() -> None:
    told: list[Config] = []
    LiveConfig(Config(), told.append).take(YOUNG)
    assert told == [Config(), YOUNG]
