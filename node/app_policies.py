"""From the configuration to the frozen values that the domain decides by."""

from node.config import Config
from node.config_sections import Retry
from node.domain.admission import AdmissionPolicy
from node.domain.callers import Caller
from node.domain.delivery import ResultKind, Route, SrClass, When
from node.domain.policy import Override, ThresholdPolicy, Thresholds
from node.domain.retry import RetryPolicy
from node.domain.room import Reserve

_A_TENTH_MORE = 1.1


def admission_policy(config: Config) -> AdmissionPolicy:
    """Return which films are scored."""
    return AdmissionPolicy(**config.policy.admit.model_dump())


def threshold_policy(config: Config, thresholds: Thresholds) -> ThresholdPolicy:
    """Return the policy, given the numbers that the configured threshold stands for."""
    overrides = tuple(Override(**o.model_dump()) for o in config.policy.overrides)
    return ThresholdPolicy(thresholds, overrides)


def routes(config: Config) -> tuple[Route, ...]:
    """Return what each destination wants."""
    return tuple(
        Route(
            destination=one.name,
            send=tuple(ResultKind(kind) for kind in one.send),
            when=When(one.when),
            sr_class=SrClass(one.sr_class or config.results.sr_class),
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
