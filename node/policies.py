"""Convert the configuration to the policies of the domain."""

from collections.abc import Callable

from node.config.sections import RetrySection
from node.config.settings import Config
from node.domain.access import Caller
from node.domain.admission.header_rules import AdmissionPolicy, PixelRule
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import ScoreKind
from node.domain.decision.prior_studies import PriorRule
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds
from node.domain.errors import Misconfigured
from node.domain.hysteresis import DiskReserve
from node.domain.workflow.delivery import Route
from node.domain.workflow.retry import RetryPolicy

_DEFAULT_RESUME_FACTOR = 1.1  # multiple of spool.min_free


def admission_policy(config: Config) -> AdmissionPolicy:
    """Return the policy that decides which films are scored."""
    return AdmissionPolicy(**config.policy.admit.model_dump())


def require_gate(policy: AdmissionPolicy, has_gate: bool) -> AdmissionPolicy:
    """Return the policy; raise Misconfigured if the policy needs a gate that the bundle lacks."""
    if policy.pixels is not PixelRule.OFF and not has_gate:
        raise Misconfigured(
            "policy.admit.pixels: the bundle of the model has no gate; set off, or train one: "
            "osteoscreen model fit-gate"
        )
    return policy


def decision_policy(
    config: Config, resolve: Callable[[str | float, str], Thresholds]
) -> DecisionPolicy:
    """Return the decision policy; raise Misconfigured for an unknown operating point.

    `resolve(value, key)` returns the thresholds for the value of a configuration key.
    """
    section = config.policy

    def thresholds(value: str | float, key: str) -> Thresholds:
        resolved = resolve(value, key)
        if section.score is ScoreKind.CLINICAL and resolved.clinical is None:
            raise Misconfigured(
                f"{key}: the clinical score has no operating point {value!r}; set a number"
            )
        return resolved

    default = Rule(thresholds(section.threshold, "policy.threshold"), section.abstain)
    overrides = []
    for index, override in enumerate(section.overrides):
        rule = Rule(
            thresholds=default.thresholds
            if override.threshold is None
            else thresholds(override.threshold, f"policy.overrides[{index}].threshold"),
            abstain=default.abstain if override.abstain is None else override.abstain,
            name=override.name or f"overrides.{index}",
        )
        group = Group(
            sex=override.sex,
            min_age=override.min_age,
            max_age=override.max_age,
            calling_ae=override.calling_ae,
            station=override.station,
        )
        overrides.append(Override(rule, group))
    prior = PriorRule(section.prior.months, section.prior.repeat)
    return DecisionPolicy(default, tuple(overrides), section.score, prior)


def routes(config: Config) -> tuple[Route, ...]:
    """Return the route of each destination."""
    return tuple(
        Route(
            destination=destination.name,
            send=destination.send,
            when=destination.when,
            sr_class=destination.sr_class or config.results.sr_class,
            shadow=destination.shadow or config.policy.shadow,
        )
        for destination in config.destinations
    )


def callers(config: Config) -> tuple[Caller, ...]:
    """Return the peers that may send films."""
    return tuple(
        Caller(caller.ae_title, caller.network, caller.assume_charset)
        for caller in config.dicom.callers
    )


def retry_policy(retry: RetrySection) -> RetryPolicy:
    """Return the retry policy of a section."""
    return RetryPolicy(attempts=retry.attempts, first=retry.first, cap=retry.cap)


def reserve(config: Config) -> DiskReserve:
    """Return the disk reserve of the spool."""
    min_free, resume_free = config.spool.min_free, config.spool.resume_free
    default = int(min_free * _DEFAULT_RESUME_FACTOR)
    return DiskReserve(int(min_free), default if resume_free is None else int(resume_free))
