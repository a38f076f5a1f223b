"""From the configuration to the frozen values that the domain decides by."""

from collections.abc import Callable

from node.config.sections import Retry
from node.config.settings import Config
from node.domain.access import Caller
from node.domain.admission.header_rules import AdmissionPolicy, PixelRule
from node.domain.admission.reasons import Reason
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import ScoreKind
from node.domain.decision.prior_studies import PriorRule, RepeatRule
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds
from node.domain.errors import Misconfigured
from node.domain.hysteresis import Reserve
from node.domain.workflow.delivery import ResultKind, Route, SrClass, When
from node.domain.workflow.retry import RetryPolicy

_A_TENTH_MORE = 1.1


def admission_policy(config: Config) -> AdmissionPolicy:
    """Return which films are scored."""
    admit = config.policy.admit
    codes = {"pixels": PixelRule(admit.pixels), "report": tuple(map(Reason, admit.report))}
    return AdmissionPolicy(**admit.model_dump() | codes)


def require_gate(policy: AdmissionPolicy, looks: bool) -> AdmissionPolicy:
    """Return the policy; raise Misconfigured where it needs a gate and the bundle has none."""
    if policy.pixels is not PixelRule.OFF and not looks:
        raise Misconfigured(
            "policy.admit.pixels: the bundle of the model has no gate; set off, or make one: "
            "osteoscreen model fit-gate"
        )
    return policy


def decision_policy(
    config: Config, resolve: Callable[[str | float, str], Thresholds]
) -> DecisionPolicy:
    """Return the policy. `resolve` tells what a configured threshold stands for, given its key.

    Raises Misconfigured, with the key, for a threshold that stands for nothing.
    """
    wanted, score = config.policy, ScoreKind(config.policy.score)

    def thresholds(named: str | float, key: str) -> Thresholds:
        found = resolve(named, key)
        if score is ScoreKind.CLINICAL and found.clinical is None:
            raise Misconfigured(f"{key}: {named!r} is no point of the clinical score; set a number")
        return found

    default = Rule(thresholds(wanted.threshold, "policy.threshold"), wanted.abstain)
    overrides = []
    for place, one in enumerate(wanted.overrides):
        where = f"overrides.{place}"
        rule = Rule(
            thresholds=default.thresholds
            if one.threshold is None
            else thresholds(one.threshold, f"policy.{where}.threshold"),
            abstain=default.abstain if one.abstain is None else one.abstain,
            name=one.name or where,
        )
        group = Group(one.sex, one.min_age, one.max_age, one.calling_ae, one.station)
        overrides.append(Override(rule, group))
    prior = PriorRule(wanted.prior.months, RepeatRule(wanted.prior.repeat))
    return DecisionPolicy(default, tuple(overrides), score, prior)


def routes(config: Config) -> tuple[Route, ...]:
    """Return what each destination wants."""
    return tuple(
        Route(
            destination=one.name,
            send=tuple(ResultKind(kind) for kind in one.send),
            when=When(one.when),
            sr_class=SrClass(one.sr_class or config.results.sr_class),
            shadow=one.shadow or config.policy.shadow,
        )
        for one in config.destinations
    )


def callers(config: Config) -> tuple[Caller, ...]:
    """Return who may send films."""
    return tuple(
        Caller(one.ae_title, one.network, one.assume_charset) for one in config.dicom.callers
    )


def retry_policy(retry: Retry) -> RetryPolicy:
    """Return how often, and when, a failed step is tried again."""
    return RetryPolicy(attempts=retry.attempts, first=retry.first, cap=retry.cap)


def reserve(config: Config) -> Reserve:
    """Return when the spool's disk counts as full, and when no longer."""
    least, again = config.spool.min_free, config.spool.resume_free
    return Reserve(int(least), int(least * _A_TENTH_MORE if again is None else again))
