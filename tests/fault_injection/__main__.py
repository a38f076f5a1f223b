"""Inject faults into a running node, and count lost, duplicated and stuck films.

    python -m tests.fault_injection [--kills N] [--trials N] [--seed S]
                           [--database sqlite|postgresql|both] [--only FAULT] [--out PAGE]

The seed determines which process is killed and when. The same command resumes a stopped run from
its journal. The exit status is 1 if a film was lost, duplicated or stuck, or if a trial could not
run, and 2 for wrong usage.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.fault_injection.fault import BOTH
from tests.fault_injection.journal import Journal, TrialResult
from tests.fault_injection.plan import FAULT_NAMES, PlanOptions, Trial, plan_trials
from tests.fault_injection.report import markdown_section, summarise, terminal_table
from tests.fault_injection.run import run_trials
from tests.support.document_section import replace_section


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trials, print and write the report, and return the exit status."""
    options = _parse_options(arguments)
    databases = BOTH if options.database == "both" else (options.database,)
    plan = plan_trials(PlanOptions(options.kills, options.trials, databases, tuple(options.only)))
    folder = options.journal.parent.resolve() / "environments"
    journal = Journal(options.journal, options.seed)
    console = Console()
    with _ProgressBar(console, plan, journal.results()) as bar:
        complete = run_trials(plan, folder, options.seed, journal, bar.update)
    results = journal.results()
    summaries = summarise(plan, results)
    console.print(terminal_table(summaries))
    if complete:
        journal.finish()
    if options.out:
        seconds = sum(result.seconds for result in results.values())
        section = markdown_section(summaries, options.seed, seconds)
        replace_section(options.out, "fault injection", section)
    return int(not complete or not all(result.passed for result in results.values()))


def _parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests.fault_injection", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--kills", type=int, default=20, help="total for all databases")
    parser.add_argument(
        "--trials", type=int, default=1, help="trials of each other fault on each database"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=[*BOTH, "both"], default="both")
    parser.add_argument("--only", action="append", choices=FAULT_NAMES, default=[], metavar="FAULT")
    parser.add_argument("--out", type=Path, help="page with a section `fault injection`")
    journal = Path("out/fault_injection/journal.jsonl")
    parser.add_argument("--journal", type=Path, default=journal)
    return parser.parse_args(arguments)


class _ProgressBar:
    """A progress bar, and one line for each finished trial."""

    def __init__(
        self, console: Console, plan: Sequence[Sequence[Trial]], results: dict[str, TrialResult]
    ) -> None:
        keys = [trial.key for group in plan for trial in group]
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(*columns, TimeElapsedColumn(), console=console)
        finished = sum(key in results for key in keys)
        self._task = self._progress.add_task("", total=len(keys), completed=finished)

    def __enter__(self) -> "_ProgressBar":
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def update(self, trial: Trial, result: TrialResult | None, error: str) -> None:
        """Show the current trial, its result, or the reason why the trial could not run."""
        write = self._progress.console.print
        if result is not None:
            self._progress.advance(self._task)
            counts = f"lost {result.lost}, duplicated {result.duplicated}, stuck {result.stuck}"
            write(f"{trial.key}: {result.acknowledged} acknowledged, {counts}", highlight=False)
            for violation in result.violations:
                write(f"  {violation}", markup=False, highlight=False)
        elif error:
            write(f"{trial.key}: could not run: {error}", markup=False, highlight=False)
        else:
            self._progress.update(self._task, description=trial.key)


if __name__ == "__main__":
    # SIGTERM raises SystemExit, so that each context ends its processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
