"""What people and programs see of drift: each source, its figures, how they have moved."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from node.app_drift import DriftReport
from node.domain.alarm import Standing
from node.domain.drift import Measured, Source
from node.domain.drift_words import Level, name_of, read, shown
from node.log import printable

_COLOURS = {
    Level.STABLE: "green",
    Level.SLIGHT: "yellow",
    Level.LARGE: "bold red",
    Level.TOO_FEW: "dim",
}


def as_json(report: DriftReport) -> dict[str, Any]:
    """Return all of it for programs."""
    return {
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
    """Print a table for each source: the last day in words, earlier days beside it."""
    console = Console()
    alarmed = {(one.source, one.measure) for one in report.standing}
    for source, rows in groupby(report.rows, lambda row: row.source):
        console.print(_table(source, list(rows), alarmed))
    if not report.rows:
        console.print("nothing was measured in these days; a day is measured once it has ended")
    for one in report.standing:
        console.print(_alarm(one))


def _table(source: Source, rows: Sequence[Measured], alarmed: set[tuple[Source, str]]) -> Table:
    days = sorted({row.day for row in rows})
    found = {(row.figure.measure, row.day): row.figure for row in rows}
    title = Text(printable(str(source)), "bold")
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for day in days:
        table.add_column(f"{day:%m-%d}", justify="right", no_wrap=True)
    table.add_column("the last day reads")
    for measure in dict.fromkeys(row.figure.measure for row in rows):
        figures = [found.get((measure, day)) for day in days]
        values = (
            "" if one is None or one.value is None else shown(measure, one.value) for one in figures
        )
        last = figures[-1]
        said = Text("")
        if last is not None:
            reading = read(last)
            said = Text(reading.text, _COLOURS.get(reading.level, ""))
        if (source, measure) in alarmed:
            said = Text.assemble(("ALARM ", "bold red"), said)
        table.add_row(printable(name_of(measure)), *values, said)
    return table


def _alarm(one: Standing) -> Text:
    return Text(
        f"alarm since {one.since:%Y-%m-%d %H:%M} UTC: "
        f"{printable(str(one.source))}, {printable(name_of(one.measure))}",
        "bold red",
    )
