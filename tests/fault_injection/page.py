"""Report outcomes as a table: on the terminal, and in docs/explanation/reliability.md."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from tests.fault_injection.catalogue import BOTH
from tests.fault_injection.journal import Outcome
from tests.fault_injection.plan import Trial

COLUMNS = ("fault", "what is done", "trials", "acknowledged", "lost", "duplicated", "wedged")
_DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Line:
    """One fault, all its trials together."""

    fault: str
    what: str
    trials: str
    acknowledged: int
    lost: int
    duplicated: int
    wedged: int

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as texts."""
        counts = (self.acknowledged, self.lost, self.duplicated, self.wedged)
        return (self.fault, self.what, self.trials, *map(str, counts))


def lines(plan: Sequence[Sequence[Trial]], outcomes: Mapping[str, Outcome]) -> list[Line]:
    """Return a line for each fault of a plan that has been tried, and one for all."""
    tried = [trial for together in plan for trial in together if trial.key in outcomes]
    by_fault: dict[str, list[Trial]] = {}
    for trial in tried:
        by_fault.setdefault(trial.fault.name, []).append(trial)
    found = [
        _line(name, trials[0].fault.what, trials, outcomes) for name, trials in by_fault.items()
    ]
    return [*found, _line("all", "", tried, outcomes)]


def _line(name: str, what: str, trials: Sequence[Trial], outcomes: Mapping[str, Outcome]) -> Line:
    of = [outcomes[trial.key] for trial in trials]
    each = {
        database: sum(outcomes[trial.key].trials for trial in trials if trial.database == database)
        for database in BOTH
    }
    return Line(
        fault=name,
        what=what,
        trials=" + ".join(f"{count} {_DATABASES[name]}" for name, count in each.items() if count),
        acknowledged=sum(one.acknowledged for one in of),
        lost=sum(one.lost for one in of),
        duplicated=sum(one.duplicated for one in of),
        wedged=sum(one.wedged for one in of),
    )


def terminal(found: Sequence[Line]) -> Table:
    """Return the table for people at a terminal."""
    table = Table(*COLUMNS)
    for line in found:
        table.add_row(*line.cells)
    return table


def markdown(found: Sequence[Line], seed: int, seconds: float) -> str:
    """Return the section of docs/explanation/reliability.md."""
    return "\n".join(_section(found, seed, seconds))


def _section(found: Sequence[Line], seed: int, seconds: float) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---|---|---|" + "---:|" * (len(COLUMNS) - 3)
    for line in found:
        yield f"| {' | '.join(line.cells)} |"
    yield ""
    yield (
        f"Seed {seed}, {seconds / 60:.0f} minutes of trials on {os.cpu_count()} cores. "
        "Written by `make fault-injection-long`; `make fault-injection` runs each fault once."
    )
