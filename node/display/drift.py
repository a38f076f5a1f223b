"""What people and programs see of drift: each source, its figures, how they have moved."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from node.display.disclaimer import print_disclaimer
from node.drift.alarms import Standing
from node.drift.metrics import Figure, Measured, Source
from node.drift.setup import DriftReport
from node.drift.wording import Level, name_of, read, shown
from node.log import printable

_COLOURS = {
    Level.STABLE: "green",
    Level.SLIGHT: "yellow",
    Level.LARGE: "bold red",
    Level.TOO_FEW: "dim",
}
_BESIDE_DAYS = 63  # columns: names, the reference, the reading
_A_DAY_WIDE = 10


def as_json(report: DriftReport) -> dict[str, Any]:
    """Return all of it for programs."""
    return {
        "intended_use": sorted(report.uses),
        "figures": [
            {
                "day": str(row.day),
                **row.source._asdict(),
                "measure": row.figure.measure,
                "value": row.figure.value,
                "films": row.figure.films,
                "reference": row.figure.reference,
                "reading": str(read(row.figure).level),
                "model": row.model,
            }
            for row in report.rows
        ],
        "alarms": [
            {**one.source._asdict(), "measure": one.measure, "since": one.since.isoformat()}
            for one in report.standing
        ],
    }


def print_drift(report: DriftReport) -> None:
    """Print a table for each source: as many of the last days as fit, and the last in words."""
    console = Console()
    print_disclaimer(console, report.uses)
    alarmed = {(one.source, one.measure) for one in report.standing}
    for source, rows in groupby(report.rows, lambda row: row.source):
        console.print(_table(source, list(rows), alarmed, _days_that_fit(console.width)))
    if not report.rows:
        console.print("nothing was measured in these days; a day is measured once it has ended")
    for one in report.standing:
        console.print(_alarm(one))


def _days_that_fit(width: int) -> int:
    """Return for how many days there is room beside what stands about them."""
    return max(1, (width - _BESIDE_DAYS) // _A_DAY_WIDE)


def _table(
    source: Source, rows: Sequence[Measured], alarmed: set[tuple[Source, str]], most: int
) -> Table:
    days = sorted({row.day for row in rows})[-most:]
    found = {(row.figure.measure, row.day): row.figure for row in rows}
    table = Table(title=Text(printable(str(source)), "bold"), title_justify="left")
    table.add_column("", no_wrap=True)
    for heading in (*(f"{day:%m-%d}" for day in days), "reference"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("last day reads", no_wrap=True)
    for measure in dict.fromkeys(row.figure.measure for row in rows):
        figures = [found.get((measure, day)) for day in days]
        last = figures[-1] or Figure(measure, None, 0)
        table.add_row(
            Text(printable(name_of(measure))),
            *(_value(measure, one.value if one else None) for one in figures),
            _value(measure, last.reference),
            _reading(last, (source, measure) in alarmed),
        )
    return table


def _value(measure: str, value: float | None) -> str:
    return "" if value is None else shown(measure, value)


def _reading(figure: Figure, alarmed: bool) -> Text:
    reading = read(figure)
    said = Text(reading.text, _COLOURS.get(reading.level, ""))
    return Text.assemble(("ALARM ", "bold red"), said) if alarmed else said


def _alarm(one: Standing) -> Text:
    return Text(
        f"alarm since {one.since:%Y-%m-%d %H:%M} UTC: "
        f"{printable(str(one.source))}, {printable(name_of(one.measure))}",
        "bold red",
    )
