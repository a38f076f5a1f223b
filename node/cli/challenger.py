"""`osteoscreen challenger`: a second bundle beside the serving one, before it takes its place."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.options import (
    DAY,
    ConfigOption,
    JsonOption,
    as_text,
    days_of,
    print_json,
    settings_of,
)
from node.domain.errors import Misconfigured

if TYPE_CHECKING:
    from node.challenger.comparison import Report

challenger = typer.Typer(help="A second bundle on the same films, compared.", no_args_is_help=True)


@challenger.callback()
def of_challenger() -> None:
    """Keep `report` a command of its own, the only one so far."""


@challenger.command("report")
def challenger_report(
    config: ConfigOption = None,
    since: Annotated[
        datetime | None, typer.Option(formats=[DAY], help="Films received from this day on (UTC).")
    ] = None,
    within: Annotated[
        str, typer.Option(help="How far film and densitometry may lie apart, such as 365d.")
    ] = "365d",
    figure: Annotated[Path | None, typer.Option(help="A PNG to draw.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder for report.txt, report.json and report.png.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the scores and flags of the challenger's bundle with those of the serving one.

    Nothing is scored, changed or sent.
    """
    from rich.console import Console

    from node.challenger.report import run_report
    from node.display.challenger import as_json as told
    from node.display.challenger import print_report

    settings = settings_of(config)[1]
    start = None if since is None else since.replace(tzinfo=UTC)
    report = run_report(settings, start, days_of(within))
    if figure is not None:
        _write(figure, _drawn(report))
    if out is not None:
        _keep(out, report)
    if as_json:
        print_json(told(report))
    else:
        print_report(report, Console())


def _keep(folder: Path, report: "Report") -> None:
    """Leave all of it in a folder: for people, for programs, and, if there are films, drawn."""
    from io import StringIO

    from rich.console import Console

    from node.display.challenger import as_json as told
    from node.display.challenger import print_report

    text = StringIO()
    print_report(report, Console(file=text, width=120))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"--out: {folder}: {error.strerror}; name another folder") from None
    _write(folder / "report.txt", text.getvalue().encode())
    _write(folder / "report.json", as_text(told(report)).encode())
    if report.made.scored:
        _write(folder / "report.png", _drawn(report))


def _drawn(report: "Report") -> bytes:
    from node.display.charts.challenger import draw_challenger
    from node.display.disclaimer import with_disclaimer

    serving, second = report.serving.model[:12], report.challenger.model[:12]
    title = with_disclaimer(f"serving {serving}, challenger {second}", report.uses)
    try:
        return draw_challenger(report.made, title)
    except ValueError as error:
        raise Misconfigured(f"nothing to draw: {error}") from None


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}; name another file") from None
