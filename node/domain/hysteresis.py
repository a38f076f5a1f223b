"""Hysteresis for a full disk and for a long queue: pure decisions."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reserve:
    """Free bytes that must stay, and how many there must be before a full disk is used again.

    Without the second, a disk at its limit would take one film and refuse the next, for hours.
    """

    min_free: int
    resume_free: int


def is_full(reserve: Reserve, free: int, was_full: bool) -> bool:
    """Return whether a disk with so many free bytes counts as full, given the answer before."""
    return free < (reserve.resume_free if was_full else reserve.min_free)


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
