"""Results of a fuzzed surface, and common checks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

Run = Callable[[Random, Path], str]


class InvariantViolation(AssertionError):
    """The node violated an invariant; the message is one line."""


@dataclass(frozen=True)
class FuzzFinding:
    """A failed case, which can be repeated by its number."""

    surface: str
    case: int
    text: str


@dataclass
class SurfaceResult:
    """The result of one surface. Memory is in MiB; `outcomes` counts cases by outcome."""

    surface: str
    cases: int = 0
    findings: list[FuzzFinding] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0
    slowest_case: int = -1
    peak: float = 0.0
    growth: float = 0.0
    descriptors: int = 0
    threads: int = 0
    crashes: list[int] = field(default_factory=list)

    def add_case(self, case: int, outcome: str, seconds: float) -> None:
        """Count a case."""
        self.cases += 1
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if seconds > self.slowest:
            self.slowest, self.slowest_case = seconds, case

    def add_finding(self, case: int, text: str) -> None:
        """Add a finding."""
        self.findings.append(FuzzFinding(self.surface, case, text))


def check_one_line(error: Exception, max_length: int = 500) -> None:
    """Check that a message is one line of at most `max_length` printable characters."""
    message = str(error)
    if not message or has_control_characters(message) or len(message) > max_length:
        raise InvariantViolation(f"{type(error).__name__} is not one line: {message[:200]!r}")


def has_control_characters(text: str) -> bool:
    """Return whether a text has line breaks or other control characters."""
    return any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)
