"""What every surface of attack has, and what a finding is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

Run = Callable[[Random, Path], str]


class Wrong(AssertionError):
    """The product did what it must not do; one line says what."""


@dataclass(frozen=True)
class Finding:
    """A case that went wrong, to be replayed by its number."""

    surface: str
    case: int
    what: str


@dataclass
class Tally:
    """What a run over one surface saw. Memory in MiB; `outcomes` counts what came of cases."""

    surface: str
    cases: int = 0
    findings: list[Finding] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0
    slowest_case: int = -1
    peak: float = 0.0
    growth: float = 0.0
    descriptors: int = 0
    threads: int = 0
    crashes: list[int] = field(default_factory=list)

    def note(self, case: int, outcome: str, seconds: float) -> None:
        """Count a case that ended."""
        self.cases += 1
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if seconds > self.slowest:
            self.slowest, self.slowest_case = seconds, case

    def blame(self, case: int, what: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(self.surface, case, what))


def one_line(error: Exception, most: int = 500) -> None:
    """See that an error of ours is one line of at most so many characters, none of control."""
    said = str(error)
    if not said or has_control(said) or len(said) > most:
        raise Wrong(f"{type(error).__name__} is not one clear line: {said[:200]!r}")


def has_control(text: str) -> bool:
    """Return whether a text could begin a line of its own, or steer a terminal."""
    return any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)
