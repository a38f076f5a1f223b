"""When a queue is too deep: a pure decision, with hysteresis."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alarms:
    """Which queues are too deep: the names of those for which an alarm stands."""

    standing: frozenset[str] = frozenset()

    def after(self, depths: Mapping[str, int], limit: int) -> "Alarms":
        """Return which stand now: from `limit` on, and then until half of it is left."""
        deep = {
            name
            for name, depth in depths.items()
            if depth >= limit or (name in self.standing and depth > limit // 2)
        }
        return Alarms(frozenset(deep))
