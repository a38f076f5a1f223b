"""The result of one health check."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A health check; `detail` describes the state, or the fault and its remedy."""

    name: str
    ok: bool
    detail: str
