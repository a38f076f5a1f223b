"""Decide with hysteresis whether a disk is full and which queues are too long."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DiskReserve:
    """A disk is full below `min_free` free bytes, and usable again from `resume_free` bytes on.

    With a single limit, a disk near this limit would accept and refuse films alternately.
    """

    min_free: int
    resume_free: int


def is_full(reserve: DiskReserve, free: int, was_full: bool) -> bool:
    """Return whether a disk with `free` bytes counts as full, given its previous state."""
    return free < (reserve.resume_free if was_full else reserve.min_free)


def queues_with_alarm(
    before: Collection[str], depths: Mapping[str, int], limit: int
) -> frozenset[str]:
    """Return the queues with an alarm, which starts at `limit` and ends at half of `limit`.

    `before` are the queues that had an alarm until now.
    """
    return frozenset(
        name
        for name, depth in depths.items()
        if depth >= limit or (name in before and depth > limit // 2)
    )
