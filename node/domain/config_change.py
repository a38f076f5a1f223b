"""What a new configuration changes: which settings, from what to what."""

from collections.abc import Mapping
from dataclasses import dataclass, field

ABSENT = "absent"
"""Stands for the value of a setting that one of two configurations does not have."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that is another than before; both values as JSON."""

    key: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.key} from {self.before} to {self.after}"


@dataclass(frozen=True, slots=True)
class Changes:
    """What a new configuration asks for: some of it holds at once, some waits for a restart.

    What waits is named and never valued: it may hold a password.
    """

    applied: tuple[Change, ...] = ()
    waiting: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The settings that have changed."""
        return tuple(one.key for one in self.applied)


def difference(
    before: Mapping[str, str], now: Mapping[str, str], wanted: Mapping[str, str]
) -> Changes:
    """Return what has changed from `before` to `now`, and what is still missing from `wanted`.

    Each of them holds every setting by its key, as JSON.
    """
    applied = (
        Change(key, before.get(key, ABSENT), now.get(key, ABSENT)) for key in _apart(before, now)
    )
    return Changes(tuple(applied), _apart(now, wanted))


def _apart(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(k for k in one.keys() | other.keys() if one.get(k) != other.get(k)))


@dataclass(frozen=True, slots=True)
class RoleAnswer:
    """Whether a role has said, in time, that it works by what is in force now."""

    role: str
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Reload:
    """An error, and nothing has changed; or what was set anew last, in which roles, and what waits.

    `part` is the node, or a role that is run alone; `pid` the process that reads the file. `who`
    had the changes made and `at` is when, in UTC; both are empty where none was since the start.
    """

    file: str
    part: str
    pid: int
    error: str = ""
    changes: Changes = field(default_factory=Changes)
    who: str = ""
    at: str = ""
    roles: tuple[RoleAnswer, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every role works by the file now."""
        return not self.error and all(role.heard for role in self.roles)
