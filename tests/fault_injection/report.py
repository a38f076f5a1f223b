"""Summarise the results of a run as a table for the terminal and for reliability.md."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from tests.fault_injection.fault import BOTH
from tests.fault_injection.journal import TrialResult
from tests.fault_injection.plan import Trial

COLUMNS = ("fault", "description", "trials", "acknowledged", "lost", "duplicated", "stuck")
_DATABASE_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class FaultSummary:
    """The sum of all trials of one fault."""

    fault: str
    description: str
    trials: str
    acknowledged: int
    lost: int
    duplicated: int
    stuck: int

    @property
    def cells(self) -> tuple[str, ...]:
        """The table row of the summary."""
        counts = (self.acknowledged, self.lost, self.duplicated, self.stuck)
        return (self.fault, self.description, self.trials, *map(str, counts))


def summarise(
    plan: Sequence[Sequence[Trial]], results: Mapping[str, TrialResult]
) -> list[FaultSummary]:
    """Return a summary for each fault with results, and one for all faults."""
    finished = [trial for group in plan for trial in group if trial.key in results]
    by_fault: dict[str, list[Trial]] = {}
    for trial in finished:
        by_fault.setdefault(trial.fault.name, []).append(trial)
    summaries = [
        _summarise_fault(name, trials[0].fault.description, trials, results)
        for name, trials in by_fault.items()
    ]
    return [*summaries, _summarise_fault("all", "", finished, results)]


def _summarise_fault(
    name: str, description: str, trials: Sequence[Trial], results: Mapping[str, TrialResult]
) -> FaultSummary:
    of_fault = [results[trial.key] for trial in trials]
    injections = {
        database: sum(results[t.key].injections for t in trials if t.database == database)
        for database in BOTH
    }
    return FaultSummary(
        fault=name,
        description=description,
        trials=" + ".join(
            f"{count} {_DATABASE_NAMES[database]}"
            for database, count in injections.items()
            if count
        ),
        acknowledged=sum(result.acknowledged for result in of_fault),
        lost=sum(result.lost for result in of_fault),
        duplicated=sum(result.duplicated for result in of_fault),
        stuck=sum(result.stuck for result in of_fault),
    )


def terminal_table(summaries: Sequence[FaultSummary]) -> Table:
    """Return the table for the terminal."""
    table = Table(*COLUMNS)
    for summary in summaries:
        table.add_row(*summary.cells)
    return table


def markdown_section(summaries: Sequence[FaultSummary], seed: int, seconds: float) -> str:
    """Return the section of docs/explanation/reliability.md with the results."""
    return "\n".join(_markdown_lines(summaries, seed, seconds))


def _markdown_lines(summaries: Sequence[FaultSummary], seed: int, seconds: float) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---|---|---|" + "---:|" * (len(COLUMNS) - 3)
    for summary in summaries:
        yield f"| {' | '.join(summary.cells)} |"
    yield ""
    yield (
        f"Seed {seed}, {seconds / 60:.0f} minutes of trials on {os.cpu_count()} cores. "
        "Written by `make fault-injection-long`; `make fault-injection` runs each fault once."
    )
