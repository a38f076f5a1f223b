"""When a disk counts as full: a pure decision, with hysteresis."""

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
