"""Decide which processes of a node to start, replace and end for a configuration."""

from collections.abc import Sequence
from dataclasses import dataclass

from node.config.settings import Config
from node.runtime.roles import Role

_ORDER = (Role.ANALYSE, Role.CHALLENGER, Role.DELIVER, Role.MAINTENANCE, Role.INGEST)
"""Analysis is replaced before delivery, and so plans no delivery to a removed destination."""

_END_FIRST = frozenset({Role.ANALYSE, Role.CHALLENGER})
"""Roles whose old process ends first, because the device may lack the memory for two models."""


@dataclass(frozen=True, slots=True)
class ReplacementStep:
    """A step that ends the process at position `ends`, or starts a new process, or both."""

    role: Role
    ends: int | None
    starts: bool

    @property
    def ends_first(self) -> bool:
        """Whether the old process ends before the new process starts."""
        return self.role in _END_FIRST or not self.starts


def process_count(role: Role, config: Config) -> int:
    """Return the number of processes that a configuration requires for a role."""
    match role:
        case Role.INGEST:
            return config.dicom.processes
        case Role.CHALLENGER:
            return int(config.challenger is not None)
        case _:
            return 1


def plan_replacement(
    running: Sequence[tuple[Role, Config]], config: Config
) -> tuple[ReplacementStep, ...]:
    """Return the steps in order; after the last step, every process uses the configuration.

    `running` contains, for each process, its role and the configuration with which it was started.
    A process that already uses the new configuration is kept.
    """
    steps = []
    for role in _ORDER:
        positions = [position for position, process in enumerate(running) if process[0] is role]
        outdated = [position for position in positions if running[position][1] != config]
        missing = process_count(role, config) - (len(positions) - len(outdated))
        steps += [
            ReplacementStep(
                role, outdated[index] if index < len(outdated) else None, starts=index < missing
            )
            for index in range(max(len(outdated), missing))
        ]
    return tuple(steps)
