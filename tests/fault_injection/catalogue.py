"""What a fault is to the harness: its name, what it does, on which databases, and its driver."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.fault_injection.house import House
from tests.fault_injection.judge import Finding

SQLITE, POSTGRESQL = "sqlite", "postgresql"
BOTH = (SQLITE, POSTGRESQL)


@dataclass(frozen=True, slots=True)
class Done:
    """What a driver has to tell: how often it struck, and what the judge found afterwards."""

    trials: int
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to harm a node. `drive` does so, sees that it struck, mends it, and has it judged.

    A driver leaves the node running and every film DONE, unless it found something.
    """

    name: str
    what: str
    drive: Callable[[House], Done]
    databases: tuple[str, ...] = BOTH
