"""The outcomes as a table: for the terminal, and as the page docs/reliability.md."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from tests.faults.catalogue import BOTH
from tests.faults.journal import Outcome
from tests.faults.plan import Trial

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
    """Return the page."""
    return "\n".join([*_page(found, seed, seconds), ""])


def _page(found: Sequence[Line], seed: int, seconds: float) -> Iterator[str]:
    yield from _HEAD
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---|---|---|" + "---:|" * (len(COLUMNS) - 3)
    for line in found:
        yield f"| {' | '.join(line.cells)} |"
    yield ""
    yield (
        f"Seed {seed}, {seconds / 60:.0f} minutes of trials on {os.cpu_count()} cores. "
        "Written by `make faults-long`; `make faults` does every fault once, in minutes."
    )


_HEAD = (
    "# Reliability",
    "",
    "What is promised: a film that was answered 0x0000 ends with exactly one report and one "
    "heatmap at every destination, or with a row that says why not. Here that promise is put to "
    "the test. `tests/faults` runs `osteoscreen serve` on SQLite and on PostgreSQL, with two "
    "archives as destinations (Orthanc behind a line that can be broken, and a PACS that answers "
    "as it is told), sends it films by pynetdicom and DCMTK, and does the following to it.",
    "",
    "After each trial, or block of kills, senders stop, what was broken is mended, and three "
    "records are compared: what senders were acknowledged, written down and synced before "
    "anything else; the job table; what both archives hold.",
    "",
    "- **lost**: acknowledged and not in the job table; DONE and not in an archive; or an end "
    "that the fault does not explain, word for word. FAILED is an end only where the table says "
    "so, and there the remedy that the error names must bring the film to DONE.",
    "- **duplicated**: a second row for the same bytes, or an object in an archive that no row "
    "sent.",
    "- **wedged**: not at its end after 90 seconds and 1.5 for each film.",
    "",
    "Waits and leases are shortened (a lease is 3 s), and an analysis has 30 attempts, so that no "
    "film can end FAILED by kills alone; with the default of three it may, and its row says so. "
    "Processes are ended, not machines: that bytes survive a power cut rests on fsync, whose "
    "order `tests/unit/test_spool.py` observes. The wall clock is moved by a preloaded library, "
    "for the node's processes alone, where there is a C compiler; else the times in the job table "
    "are moved, which is what such a clock leaves there. The disk is a tmpfs of 256 MB with spool "
    "and, for SQLite, job table, where one can be mounted; else the reserve `spool.min_free` "
    "stands in for its size.",
    "",
)
