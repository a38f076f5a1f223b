"""The command `osteoscreen`: one short function for each sub-command.

Exit status: 0 success, 1 the work failed, 2 bad usage or configuration. Programs read standard
output with `--json`; people's messages and logs go to standard error.
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

from node import log
from node.cli.challenger import challenger
from node.cli.db import db
from node.cli.drift import drift
from node.cli.jobs import jobs
from node.cli.model import model
from node.cli.options import ConfigOption, JsonOption, print_json, settings_of
from node.cli.thresholds import outcomes, thresholds
from node.config.settings import ConfigError
from node.domain.errors import Misconfigured, OsteoScreenError

_RENAMED_ROLES = {"upkeep": "maintenance", "canary": "challenger"}
"""Roles under their old names, each with its present one."""

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


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"osteoscreen {version('osteoscreen')}")
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option("--version", is_eager=True, callback=_tell_version, help="Show the version."),
]


@app.callback()
def private(context: typer.Context, _version: VersionOption = False) -> None:
    """Let nobody else read what is written, whatever the umask: films, results, scores.

    Once for the whole process and those it starts, because libraries open files as well:
    SQLite, pynetdicom, pyarrow. Models are nobody's data and often made by one user for another.
    """
    if context.invoked_subcommand != "model":
        os.umask(0o077)


@app.command("canary", hidden=True, context_settings={"ignore_unknown_options": True})
def renamed_command(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Name the present name of a renamed command."""
    raise Misconfigured("osteoscreen canary was renamed: run osteoscreen challenger report")


@app.command()
def demo(
    film: Annotated[Path | None, typer.Argument(help="A chest film of your own.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("out/demo"),
) -> None:
    """Run the whole job on one film: node, job table, model and archive, all on this machine."""
    from node.demo.run import run_demo

    raise typer.Exit(run_demo(film, out))


@app.command()
def serve(
    config: ConfigOption = None,
    role: Annotated[
        str, typer.Option(help="One role: ingest, analyse, deliver, maintenance or challenger.")
    ] = "",
) -> None:
    """Run the node, or with --role one part of it, until SIGTERM or Ctrl-C."""
    from node.runtime.roles import Role
    from node.runtime.serve import serve_node, serve_role, serve_supervised

    if role in _RENAMED_ROLES:
        raise typer.BadParameter(
            f"role {role!r} was renamed {_RENAMED_ROLES[role]!r}", param_hint="--role"
        )
    if role and role not in list(Role):
        raise typer.BadParameter(f"{role!r} is none of {', '.join(Role)}", param_hint="--role")
    stop = _stop_on_signals()
    if role and serve_supervised(Role(role), stop):
        return
    file, settings = settings_of(config)
    if role:
        serve_role(Role(role), file, settings, stop)
    elif status := serve_node(file, settings, stop):
        raise typer.Exit(status)


@app.command()
def reload(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Have the running node take up its configuration file, and say what came of it."""
    from node.display.jobs import print_reloads
    from node.runtime.reload.client import ask_to_reload

    done = ask_to_reload(*settings_of(config))
    if as_json:
        print_json([asdict(one) for one in done])
    else:
        print_reloads(done)
    if not all(one.complete for one in done):
        raise typer.Exit(1)


@app.command()
def screen(  # noqa: PLR0913 - a parameter is an option
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="DICOM files, and folders of them.")
    ],
    out: Annotated[Path, typer.Option(help="The table of scores: a .csv or .parquet file.")],
    config: ConfigOption = None,
    bundle: Annotated[str, typer.Option(help="A model bundle other than the configured.")] = "",
    workers: Annotated[int, typer.Option(min=0, max=256, help="Decoders. [default: CPUs]")] = 0,
    turned_away: Annotated[
        bool, typer.Option("--all/--admitted", help="With, or without, rows of films not scored.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Score folders of DICOM files without a PACS: one row for each film."""
    from node.batch.row import RowState
    from node.batch.session import Request
    from node.batch.setup import run_screen
    from node.display.batch import ScreeningBar, print_summary, summary
    from node.runtime.factories import processors

    settings = settings_of(config)[1]
    if bundle:
        model = settings.model.model_copy(update={"bundle": bundle})
        settings = settings.model_copy(update={"model": model})
    log.configure("error", settings.log.format)
    request = Request(tuple(paths), out, workers or processors(), turned_away)
    with ScreeningBar() as bar:
        outcome = run_screen(settings, request, _stop_on_signals(), bar)
    if as_json:
        print_json(summary(outcome, str(out)))
    else:
        print_summary(outcome, str(out))
    if outcome.count(RowState.FAILED) and not outcome.count(RowState.SCORED):
        _fail("no film could be scored; the table's column error says why", 1)


@app.command()
def doctor(
    config: ConfigOption = None,
    send_film: Annotated[
        bool,
        typer.Option(
            "--round-trip",
            help="Also send a film that is nobody's through the running node, to all destinations.",
        ),
    ] = False,
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for its results.")] = 120,
    as_json: JsonOption = False,
) -> None:
    """Check configuration, database, spool, model, port and destinations."""
    from node.display.jobs import print_checks, progress_line
    from node.doctor.round_trip import round_trip
    from node.doctor.run_checks import examine

    _, settings = settings_of(config)
    with progress_line("looking at everything") as tell:
        checks = examine(settings)
        if send_film:
            checks += round_trip(settings, wait, tell)
    if as_json:
        print_json([check.as_dict() for check in checks])
    else:
        print_checks(checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


@app.command()
def conformance(
    config: ConfigOption = None,
    as_html: Annotated[bool, typer.Option("--html", help="Write a page, not Markdown.")] = False,
) -> None:
    """Write the DICOM conformance statement of this installation to standard output."""
    from node.conformance import statement

    settings = settings_of(config)[1]
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
    """Run the command; every error ends as one clear line for each fault."""
    try:
        app()
    except (ConfigError, Misconfigured) as error:
        _fail(str(error), 2)
    except OsteoScreenError as error:
        _fail(str(error), 1)
    except Exception as error:  # noqa: BLE001 - the boundary to the user
        place = log.where(error)
        _fail(f"internal error, please report it: {type(error).__name__} at {place}", 1)
