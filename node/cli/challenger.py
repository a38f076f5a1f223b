"""`osteoscreen challenger`: compare a second bundle with the serving bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.options import (
    ConfigOption,
    FigureOption,
    JsonOption,
    SinceOption,
    WithinOption,
    as_text,
    days_of,
    print_json,
    settings_of,
    write_file,
)
from node.domain.errors import Misconfigured

if TYPE_CHECKING:
    from node.challenger.comparison import ChallengerReport

challenger = typer.Typer(help="Compare two bundles on the same films.", no_args_is_help=True)


@challenger.callback()
def challenger_group() -> None:
    """Make typer treat `report` as a subcommand, although there is no second subcommand."""


@challenger.command("report")
def challenger_report(
    config: ConfigOption = None,
    since: SinceOption = None,
    within: WithinOption = "365d",
    figure: FigureOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write report.txt, report.json and report.png to this folder."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare challenger and serving bundle. The report compares their scores and decisions.

    The command only reads the job table.
    """
    from rich.console import Console

    from node.challenger.report import run_report
    from node.display.challenger import print_report, report_json

    report = run_report(settings_of(config), since, days_of(within))
    if figure is not None:
        write_file(figure, _figure(report))
    if out is not None:
        _write_folder(out, report)
    if as_json:
        print_json(report_json(report))
    else:
        print_report(report, Console())


def _write_folder(folder: Path, report: "ChallengerReport") -> None:
    """Write the report as text and JSON, and draw a figure if films were compared."""
    from io import StringIO

    from rich.console import Console

    from node.display.challenger import print_report, report_json

    text = StringIO()
    print_report(report, Console(file=text, width=120))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"--out: {folder}: {error.strerror}; name another folder") from None
    write_file(folder / "report.txt", text.getvalue().encode())
    write_file(folder / "report.json", as_text(report_json(report)).encode())
    if report.comparison.scored:
        write_file(folder / "report.png", _figure(report))


def _figure(report: "ChallengerReport") -> bytes:
    from node.display.charts.challenger import draw_challenger
    from node.display.disclaimer import with_disclaimer

    serving, second = report.serving.digest[:12], report.challenger.digest[:12]
    title = with_disclaimer(f"serving {serving}, challenger {second}", report.intended_uses)
    try:
        return draw_challenger(report.comparison, title)
    except ValueError as error:
        raise Misconfigured(f"--figure: {error}") from None
