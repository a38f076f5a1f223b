"""The result of one health check."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One check. `detail` describes the state, or the fault and its remedy."""

    name: str
    ok: bool
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """Return the check for JSON."""
        return asdict(self)
