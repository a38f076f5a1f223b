"""What came of a look at the configuration file while the node runs."""

from dataclasses import dataclass, field

from node.domain.config_change import Changes


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
