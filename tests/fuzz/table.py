"""The result of a run is written as a Markdown table."""

from collections.abc import Sequence
from datetime import date

from tests.fuzz.surface import SurfaceResult

_HEAD = (
    "Surface",
    "Cases",
    "Findings",
    "Decoder crashes survived",
    "Slowest case",
    "Peak memory of a case",
    "Memory growth",
    "Descriptor growth",
    "Outcomes",
)


def markdown_table(results: Sequence[SurfaceResult], seed: int, command: str, day: date) -> str:
    """Return the command, and a table with a row for each surface and one for all surfaces."""
    rows = [_row(result) for result in results]
    cases = sum(result.cases for result in results)
    findings = sum(len(result.findings) for result in results)
    survived = sum(len(result.crashes) for result in results)
    rows.append(("all", f"{cases:,}", str(findings), str(survived), "", "", "", "", ""))
    lines = ["| " + " | ".join(row) + " |" for row in (_HEAD, ("---",) * len(_HEAD), *rows)]
    return "\n".join([f"Seed {seed}, {day}, `{command}`:", "", *lines, ""])


def _row(result: SurfaceResult) -> tuple[str, ...]:
    outcomes = sorted(result.outcomes.items(), key=lambda item: -item[1])
    total = max(1, result.cases)
    return (
        result.surface,
        f"{result.cases:,}",
        str(len(result.findings)),
        str(len(result.crashes)),
        f"{result.slowest:.2f} s (case {result.slowest_case})",
        f"{result.peak:.0f} MiB" if result.peak else "",
        f"{result.growth:+.0f} MiB",
        f"{result.descriptors:+d}",
        ", ".join(f"{outcome} {100 * count / total:.1f} %" for outcome, count in outcomes[:6]),
    )
