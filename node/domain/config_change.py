"""Changes of settings between two configurations, and the report of a reload."""

from collections.abc import Mapping
from dataclasses import dataclass

ABSENT = "absent"
"""The value of a setting in a configuration that does not contain the setting."""


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A changed setting, with its old and new values as JSON."""

    key: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.key} from {self.before} to {self.after}"


def changed_settings(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[SettingChange, ...]:
    """Return the settings that differ, sorted by key; both mappings contain JSON by key."""
    keys = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return tuple(
        SettingChange(key, before.get(key, ABSENT), after.get(key, ABSENT)) for key in keys
    )


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """A process after a reload; `replaced` is true if the reload started this process.

    `error` is empty if the process uses the new configuration.
    """

    role: str
    pid: int | None
    replaced: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """The last reload that changed a setting, or a failed reload with its `error`.

    `part` is the node, or a role without a supervisor, with the process id `pid`.
    `requested_by` and `at`, in UTC, are empty if no setting has changed since the start.
    """

    file: str
    part: str
    pid: int
    error: str = ""
    changes: tuple[SettingChange, ...] = ()
    requested_by: str = ""
    at: str = ""
    processes: tuple[ProcessReport, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every process runs with the configuration of the file."""
        return not self.error and not any(process.error for process in self.processes)
