"""Decide with hysteresis whether a disk is full and which queues are too long."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DiskReserve:
    """Free bytes below which a disk counts as full, and above which it counts as usable again.

    With one limit only, a disk at that limit would accept and refuse films alternately.
    """

    min_free: int
    resume_free: int


def is_full(reserve: DiskReserve, free: int, was_full: bool) -> bool:
    """Return whether a disk with `free` bytes counts as full, given its previous state."""
    return free < (reserve.resume_free if was_full else reserve.min_free)


@dataclass(frozen=True, slots=True)
class QueueAlarms:
    """The names of the queues with an active alarm."""

    raised: frozenset[str] = frozenset()

    def update(self, depths: Mapping[str, int], limit: int) -> "QueueAlarms":
        """Return the alarms for these depths: on from `limit`, off at half of it."""
        deep = {
            name
            for name, depth in depths.items()
            if depth >= limit or (name in self.raised and depth > limit // 2)
        }
        return QueueAlarms(frozenset(deep))
