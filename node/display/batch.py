"""The progress bar and the summary of `osteoscreen screen`."""

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
from node.batch.runner import ScreeningResult
from node.display.disclaimer import print_disclaimer


class _Speed(ProgressColumn):
    """A column with the number of files per second."""

    def render(self, task: Task) -> Text:
        """Return the recent speed, or an empty text before the first file."""
        return Text(f"{task.speed:.1f} files/s" if task.speed else "", "cyan")


class ScreeningBar:
    """A `ScreeningProgress` on standard error: a progress bar with the remaining time."""

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
        """Show the bar for this number of files."""
        self._bar.update(self._task, total=files)
        self._bar.reset(self._task)
        self._bar.start()

    def advance(self, files: int) -> None:
        """Count this number of further files as finished."""
        self._bar.advance(self._task, files)


def summary(result: ScreeningResult, out: str) -> dict[str, Any]:
    """Return the run's counts as JSON values."""
    uses = sorted({row.intended_use for row in result.rows})
    return {
        "out": out,
        "films": len(result.rows),
        "scored": result.count(RowState.SCORED),
        "flagged": sum(row.flagged is True for row in result.rows),
        "rejected": dict(Counter(row.reason for row in result.rows if row.reason)),
        "failed": result.count(RowState.FAILED),
        "kept": result.reused,
        "skipped": dict(result.skipped),
        "intended_use": uses[0] if uses else None,
    }


def print_summary(result: ScreeningResult, out: str) -> None:
    """Print the run's counts, and a warning about the scores of a demonstration model."""
    counts = summary(result, out)
    console = Console()
    for line in (
        f"{counts['scored']} scored, {counts['flagged']} of them flagged",
        f"{sum(counts['rejected'].values())} rejected{_by_reason(counts['rejected'])}",
        f"{counts['failed']} failed",
        f"{sum(counts['skipped'].values())} files skipped{_by_reason(counts['skipped'])}",
        f"{counts['kept']} of the films were scored by an earlier run",
    ):
        console.print(Text(line))
    console.print(Text(f"-> {out}"))
    print_disclaimer(console, [counts["intended_use"]])


def _by_reason(counts: dict[str, int]) -> str:
    text = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()))
    return f" ({text})" if text else ""
