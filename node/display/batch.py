"""What people see of a folder being screened."""

from collections import Counter
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from node.batch.row import RowState
from node.batch.runner import Outcome
from node.display.disclaimer import print_disclaimer


class _Speed(ProgressColumn):
    """Files a second."""

    def render(self, task: Task) -> Text:
        """Return the speed of late, or nothing before there is one."""
        return Text(f"{task.speed:.1f} files/s" if task.speed else "", "cyan")


class ScreeningBar:
    """A progress bar on standard error, with the time that is left; implements `Progress`."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Speed(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("screening", total=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, files: int) -> None:
        """So many files there are; until now there was nothing to show."""
        self._bar.update(self._task, total=files)
        self._bar.reset(self._task)
        self._bar.start()

    def advance(self, files: int) -> None:
        """So many more are done with."""
        self._bar.advance(self._task, files)


def summary(outcome: Outcome, out: str) -> dict[str, Any]:
    """Return the run in figures, for programs."""
    uses = sorted({row.intended_use for row in outcome.rows})
    return {
        "out": out,
        "films": len(outcome.rows),
        "scored": outcome.count(RowState.SCORED),
        "flagged": sum(row.flagged is True for row in outcome.rows),
        "rejected": dict(Counter(row.reason for row in outcome.rows if row.reason)),
        "failed": outcome.count(RowState.FAILED),
        "kept": outcome.kept,
        "skipped": dict(outcome.skipped),
        "intended_use": uses[0] if uses else None,
    }


def print_summary(outcome: Outcome, out: str) -> None:
    """Print the run in figures, for people, and what the scores of a demonstration model are."""
    facts = summary(outcome, out)
    console = Console()
    for line in (
        f"{facts['scored']} scored, {facts['flagged']} of them flagged",
        f"{sum(facts['rejected'].values())} rejected{_listed(facts['rejected'])}",
        f"{facts['failed']} failed",
        f"{sum(facts['skipped'].values())} files skipped{_listed(facts['skipped'])}",
        f"{facts['kept']} of the films known from an earlier run",
    ):
        console.print(Text(line))
    console.print(Text(f"-> {out}"))
    print_disclaimer(console, [facts["intended_use"]])


def _listed(counts: dict[str, int]) -> str:
    listed = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()))
    return f" ({listed})" if listed else ""
