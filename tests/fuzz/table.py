"""What a run saw, as a table in Markdown."""

from collections.abc import Sequence
from datetime import date

from tests.fuzz.surface import Tally

_HEAD = (
    "Surface",
    "Cases",
    "Findings",
    "Decoder crashes survived",
    "Slowest case",
    "Most memory for a case",
    "Memory growth",
    "Descriptors more",
    "What came of them",
)


def table(tallies: Sequence[Tally], seed: int, command: str, day: date) -> str:
    """Return the table, one row for each surface and one for all, and how to have it again."""
    rows = [_row(tally) for tally in tallies]
    cases = sum(tally.cases for tally in tallies)
    found = sum(len(tally.findings) for tally in tallies)
    survived = sum(len(tally.crashes) for tally in tallies)
    rows.append(("all", f"{cases:,}", str(found), str(survived), "", "", "", "", ""))
    lines = ["| " + " | ".join(row) + " |" for row in (_HEAD, ("---",) * len(_HEAD), *rows)]
    return "\n".join([f"Seed {seed}, {day}, `{command}`:", "", *lines, ""])


def _row(tally: Tally) -> tuple[str, ...]:
    outcomes = sorted(tally.outcomes.items(), key=lambda one: -one[1])
    total = max(1, tally.cases)
    return (
        tally.surface,
        f"{tally.cases:,}",
        str(len(tally.findings)),
        str(len(tally.crashes)),
        f"{tally.slowest:.2f} s (case {tally.slowest_case})",
        f"{tally.peak:.0f} MiB" if tally.peak else "",
        f"{tally.growth:+.0f} MiB",
        f"{tally.descriptors:+d}",
        ", ".join(f"{what} {100 * count / total:.1f} %" for what, count in outcomes[:6]),
    )
