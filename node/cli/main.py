"""The command `osteoscreen`: one short function for each sub-command.

The exit status is 0 for success, 1 if the work failed, and 2 for wrong usage or configuration.
With `--json`, standard output contains JSON only. Messages and logs go to standard error.
"""

import os
import signal
import sys
import threading
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from models.io.errors import InputError, ProcessingError
from node import log
from node.cli.challenger import challenger
from node.cli.db import db
from node.cli.drift import drift
from node.cli.jobs import jobs
from node.cli.model import model
from node.cli.options import (
    ConfigOption,
    JsonOption,
    add_renamed_command,
    config_file,
    print_json,
    report_checks,
    settings_of,
)
from node.cli.thresholds import outcomes, thresholds
from node.config.settings import ConfigError, load
from node.domain.errors import Misconfigured, OsteoScreenError

_RENAMED_ROLES = {"upkeep": "maintenance", "canary": "challenger"}
"""Maps the old name of a role to the new name."""

_EXTRAS = {
    "jinja2": "research",
    "matplotlib": "research",
    "nibabel": "simulate",
    "sklearn": "research",
}
"""Maps an optional package to the extra that installs the package."""

app = typer.Typer(
    name="osteoscreen",
    help="A DICOM node for opportunistic osteoporosis screening on chest radiographs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(db, name="db")
app.add_typer(jobs, name="jobs")
app.add_typer(model, name="model")
app.add_typer(thresholds, name="thresholds")
app.add_typer(outcomes, name="outcomes")
app.add_typer(challenger, name="challenger")
add_renamed_command(app, "canary", "challenger report")


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"osteoscreen {version('osteoscreen')}")
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version."),
]


@app.callback()
def set_private_umask(context: typer.Context, _version: VersionOption = False) -> None:
    """Set a umask that makes new files readable by this user only.

    The umask applies to the whole process and its children, because libraries such as SQLite open
    files too. Model files contain no patient data and keep the user's umask.
    """
    if context.invoked_subcommand != "model":
        os.umask(0o077)


@app.command()
def demo(
    film: Annotated[
        Path | None, typer.Argument(help="DICOM file of a chest film. [default: the shipped film]")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("out/demo"),
) -> None:
    """Run the complete workflow on one film. The command starts a node and a local archive."""
    from node.demo.run import run_demo

    raise typer.Exit(run_demo(film, out))


@app.command()
def serve(
    config: ConfigOption = None,
    role: Annotated[
        str, typer.Option(help="Role to run: ingest, analyse, deliver, maintenance or challenger.")
    ] = "",
) -> None:
    """Run the node until SIGTERM or Ctrl-C. With --role, the command runs only one role."""
    from node.runtime.roles import Role
    from node.runtime.serve import serve_node, serve_role

    if role in _RENAMED_ROLES:
        raise typer.BadParameter(
            f"role {role!r} was renamed {_RENAMED_ROLES[role]!r}", param_hint="--role"
        )
    if role and role not in list(Role):
        raise typer.BadParameter(
            f"{role!r} is not a role; use {', '.join(Role)}", param_hint="--role"
        )
    stop = _stop_on_signals()
    file = config_file(config)
    if role:
        serve_role(Role(role), file, stop)
    elif status := serve_node(file, load(file), stop):
        raise typer.Exit(status)


@app.command()
def reload(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Make the node use a changed configuration. Print the changed settings."""
    from node.display.jobs import print_reloads
    from node.runtime.control_folder import request_reload

    file = config_file(config)
    reports = request_reload(file, load(file))
    if as_json:
        print_json([asdict(report) for report in reports])
    else:
        print_reloads(reports)
    if not all(report.complete for report in reports):
        raise typer.Exit(1)


@app.command()
def screen(  # noqa: PLR0913 - a parameter is an option
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="DICOM files, or folders with DICOM files."),
    ],
    out: Annotated[Path, typer.Option(help="File for the table of scores: .csv or .parquet.")],
    config: ConfigOption = None,
    bundle: Annotated[
        str, typer.Option(help="Model bundle to use in place of the configured bundle.")
    ] = "",
    workers: Annotated[
        int,
        typer.Option(
            min=0, max=256, help="Number of decoder processes; 0 means one process for each CPU."
        ),
    ] = 0,
    include_refused: Annotated[
        bool,
        typer.Option("--all/--admitted", help="Write rows of all films, or of admitted films."),
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Score DICOM files without a PACS. Write a table with one row for each film."""
    from node.batch.row import RowState
    from node.batch.session import ScreeningRequest
    from node.batch.setup import run_screen
    from node.display.batch import ScreeningBar, print_summary, summary
    from node.runtime.factories import processors

    settings = settings_of(config)
    if bundle:
        model = settings.model.model_copy(update={"bundle": bundle})
        settings = settings.model_copy(update={"model": model})
    log.configure("error", settings.log.format)
    request = ScreeningRequest(tuple(paths), out, workers or processors(), include_refused)
    with ScreeningBar() as bar:
        outcome = run_screen(settings, request, _stop_on_signals(), bar)
    if as_json:
        print_json(summary(outcome, str(out)))
    else:
        print_summary(outcome, str(out))
    if outcome.count(RowState.FAILED) and not outcome.count(RowState.SCORED):
        _fail("no film could be scored; see the column `error` of the table", 1)


@app.command()
def doctor(
    config: ConfigOption = None,
    send_film: Annotated[
        bool,
        typer.Option(
            "--round-trip",
            help="Also send a synthetic film through the running node to every destination.",
        ),
    ] = False,
    wait: Annotated[
        float, typer.Option(min=1, help="Seconds to wait for the results of the synthetic film.")
    ] = 120,
    as_json: JsonOption = False,
) -> None:
    """Check dependencies and connections. With --round-trip, also send a film through the node."""
    from rich.console import Console

    from node.doctor.round_trip import round_trip
    from node.doctor.run_checks import examine

    settings = settings_of(config)
    with Console(stderr=True).status("checking") as status:
        checks = examine(settings)
        if send_film:
            checks += round_trip(settings, wait, status.update)
    report_checks(checks, as_json)


@app.command()
def conformance(
    config: ConfigOption = None,
    as_html: Annotated[
        bool, typer.Option("--html", help="Write the statement as HTML, not as Markdown.")
    ] = False,
) -> None:
    """Write the DICOM conformance statement. The statement describes this installation."""
    from node.conformance import statement

    settings = settings_of(config)
    typer.echo(statement.html(settings) if as_html else statement.markdown(settings), nl=False)


app.command()(drift)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _fail(message: str, status: int) -> NoReturn:
    for line in message.splitlines():
        typer.echo(f"osteoscreen: {log.printable(line)}", err=True)
    sys.exit(status)


def main() -> None:
    """Run the command; print one line for each fault of an error, without a traceback."""
    try:
        app()
    except (ConfigError, Misconfigured, InputError) as error:
        _fail(str(error), 2)
    except (OsteoScreenError, ProcessingError) as error:
        _fail(str(error), 1)
    except Exception as error:  # noqa: BLE001 - the boundary to the user
        if isinstance(error, ModuleNotFoundError) and error.name in _EXTRAS:
            extra = _EXTRAS[error.name]
            _fail(f"{error.name} is not installed: pip install 'osteoscreen[{extra}]'", 2)
        place = log.where(error)
        _fail(f"internal error, please report it: {type(error).__name__} at {place}", 1)
