"""Display of drift: a table of metrics for each source, and the active alarms."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from node.display.disclaimer import print_disclaimer
from node.display.tables import plain
from node.drift.alarms import ActiveAlarm, alarm_key
from node.drift.metrics import DailyMetric, Metric, Source
from node.drift.setup import DriftReport
from node.drift.wording import Level, assess, format_value, measure_label
from node.log import printable

_COLOURS = {
    Level.STABLE: "green",
    Level.SLIGHT: "yellow",
    Level.LARGE: "bold red",
    Level.TOO_FEW: "dim",
}
_OTHER_COLUMNS_WIDTH = 63  # labels, reference, assessment
_DAY_WIDTH = 10


def as_json(report: DriftReport) -> dict[str, Any]:
    """Return the report as JSON."""
    return {
        "intended_use": sorted(report.uses),
        "figures": [
            {
                "day": str(row.day),
                **row.source._asdict(),
                "measure": row.metric.measure,
                "value": row.metric.value,
                "films": row.metric.films,
                "reference": row.metric.reference,
                "reading": str(assess(row.metric)),
                "model": row.model,
            }
            for row in report.rows
        ],
        "alarms": [
            alarm_key(alarm.source, alarm.measure) | {"since": alarm.since.isoformat()}
            for alarm in report.active
        ],
    }


def print_drift(report: DriftReport) -> None:
    """Print the active alarms, and a table per source of the last days that fit the terminal."""
    console = Console()
    print_disclaimer(console, report.uses)
    alarmed = {(alarm.source, alarm.measure) for alarm in report.active}
    max_days = max(1, (console.width - _OTHER_COLUMNS_WIDTH) // _DAY_WIDTH)
    for source, rows in groupby(report.rows, lambda row: row.source):
        console.print(_table(source, list(rows), alarmed, max_days))
    if not report.rows:
        console.print("no metrics for these days; the metrics of a day are computed after its end")
    for alarm in report.active:
        console.print(_alarm_line(alarm))


def _table(
    source: Source, rows: Sequence[DailyMetric], alarmed: set[tuple[Source, str]], max_days: int
) -> Table:
    days = sorted({row.day for row in rows})[-max_days:]
    by_day = {(row.metric.measure, row.day): row.metric for row in rows}
    table = Table(title=Text(printable(str(source)), "bold"), title_justify="left")
    table.add_column("", no_wrap=True)
    for heading in (*(f"{day:%m-%d}" for day in days), "reference"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("last day", no_wrap=True)
    for measure in dict.fromkeys(row.metric.measure for row in rows):
        metrics = [by_day.get((measure, day)) for day in days]
        last = metrics[-1] or Metric(measure, None, 0)
        table.add_row(
            plain(measure_label(measure)),
            *(_value(measure, metric.value if metric else None) for metric in metrics),
            _value(measure, last.reference),
            _assessment(last, (source, measure) in alarmed),
        )
    return table


def _value(measure: str, value: float | None) -> str:
    return "" if value is None else format_value(measure, value)


def _assessment(metric: Metric, alarmed: bool) -> Text:
    level = assess(metric)
    texts = {Level.PLAIN: "", Level.TOO_FEW: f"too few ({metric.films} films)"}
    text = Text(texts.get(level, str(level)), _COLOURS.get(level, ""))
    return Text.assemble(("ALARM ", "bold red"), text) if alarmed else text


def _alarm_line(alarm: ActiveAlarm) -> Text:
    return Text(
        f"alarm since {alarm.since:%Y-%m-%d %H:%M} UTC: "
        f"{printable(str(alarm.source))}, {printable(measure_label(alarm.measure))}",
        "bold red",
    )
