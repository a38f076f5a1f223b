"""A fault has a name, a description, databases, and a function that injects the fault."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.fault_injection.environment import Environment
from tests.fault_injection.invariants import Violation

SQLITE, POSTGRESQL = "sqlite", "postgresql"
BOTH = (SQLITE, POSTGRESQL)


@dataclass(frozen=True, slots=True)
class FaultResult:
    """The number of injections, and the violations that were found after the repair."""

    injections: int
    violations: list[Violation]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that `inject` causes and repairs; `inject` then checks the invariants.

    After an `inject` without violations, the node runs, and every film is DONE.
    """

    name: str
    description: str
    inject: Callable[[Environment], FaultResult]
    databases: tuple[str, ...] = BOTH
