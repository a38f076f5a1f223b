"""Harm a real node in every way there is, and count what became of its films.

    python -m tests.fault_injection [--kills N] [--trials N] [--seed S]
                           [--database sqlite|postgresql|both] [--only FAULT] [--out PAGE]

What is killed and when is drawn from the seed. A run that was stopped goes on when it is given
again; its journal says what is finished. Exit status 1 where a film was lost, doubled or stuck,
or a trial could not be carried out; 2 for bad usage.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.fault_injection.catalogue import BOTH
from tests.fault_injection.journal import Journal, Outcome
from tests.fault_injection.page import lines, markdown, terminal
from tests.fault_injection.plan import NAMES, Trial, Wanted, draw_up
from tests.fault_injection.run import run
from tests.support.document_section import put


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, tell of it, and return the exit status."""
    options = _options(arguments)
    databases = BOTH if options.database == "both" else (options.database,)
    plan = draw_up(Wanted(options.kills, options.trials, databases, tuple(options.only)))
    folder = options.journal.parent.resolve() / "houses"
    journal = Journal(options.journal, options.seed)
    console = Console()
    with _Bar(console, plan, journal.outcomes()) as bar:
        complete = run(plan, folder, options.seed, journal, bar.tell)
    outcomes = journal.outcomes()
    found = lines(plan, outcomes)
    console.print(terminal(found))
    if complete:
        journal.finish()
    if options.out:
        seconds = sum(one.seconds for one in outcomes.values())
        put(options.out, "faults", markdown(found, options.seed, seconds))
    return int(not complete or not all(one.clean for one in outcomes.values()))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests.fault_injection", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--kills", type=int, default=20, help="in all, shared by the databases")
    parser.add_argument("--trials", type=int, default=1, help="of each other fault and database")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=[*BOTH, "both"], default="both")
    parser.add_argument("--only", action="append", choices=NAMES, default=[], metavar="FAULT")
    parser.add_argument("--out", type=Path, help="a page with a section `faults`")
    parser.add_argument("--journal", type=Path, default=Path("out/faults/journal.jsonl"))
    return parser.parse_args(arguments)


class _Bar:
    """The progress of a run, and a line for each trial that is finished."""

    def __init__(
        self, console: Console, plan: Sequence[Sequence[Trial]], done: dict[str, Outcome]
    ) -> None:
        keys = [trial.key for together in plan for trial in together]
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(*columns, TimeElapsedColumn(), console=console)
        finished = sum(key in done for key in keys)
        self._task = self._progress.add_task("", total=len(keys), completed=finished)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def tell(self, trial: Trial, outcome: Outcome | None, error: str) -> None:
        """Say what is done now, what has come of it, or why it could not be done."""
        said = self._progress.console.print
        if outcome is not None:
            self._progress.advance(self._task)
            counts = (
                f"lost {outcome.lost}, duplicated {outcome.duplicated}, wedged {outcome.wedged}"
            )
            said(f"{trial.key}: {outcome.acknowledged} acknowledged, {counts}", highlight=False)
            for finding in outcome.findings:
                said(f"  {finding}", markup=False, highlight=False)
        elif error:
            said(f"{trial.key}: could not be carried out: {error}", markup=False, highlight=False)
        else:
            self._progress.update(self._task, description=trial.key)


if __name__ == "__main__":
    # What a trial started ends with it, also where this program is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
