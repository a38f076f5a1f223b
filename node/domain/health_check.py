"""One thing that was looked at, and whether it is well."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `detail` says what was seen, or what is wrong and what to do."""

    name: str
    ok: bool
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """Return the finding for JSON."""
        return asdict(self)
