"""`osteoscreen thresholds` and `outcomes`: replay stored scores, import densitometry."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.options import (
    ConfigOption,
    FigureOption,
    JsonOption,
    SinceOption,
    WithinOption,
    days_of,
    print_json,
    settings_of,
    write_file,
)
from node.config.settings import Config, load
from node.config.types import threshold_of
from node.domain.errors import Misconfigured, Permanent

if TYPE_CHECKING:
    from node.replay.densitometry import ReplayResult

thresholds = typer.Typer(help="Apply other thresholds to stored scores.", no_args_is_help=True)
outcomes = typer.Typer(help="Import bone densitometry for comparison.", no_args_is_help=True)


@thresholds.command("replay")
def thresholds_replay(  # noqa: PLR0913 - a parameter is an option
    threshold: Annotated[
        str,
        typer.Option(help="Threshold to try: a number, or the name of an operating point."),
    ] = "",
    config: Annotated[
        Path | None, typer.Option(help="Configuration file that contains the policy to try.")
    ] = None,
    of: Annotated[
        Path | None,
        typer.Option("--node", help="Configuration file of the node. [default: config.yaml]"),
    ] = None,
    since: SinceOption = None,
    within: WithinOption = "365d",
    figure: FigureOption = None,
    as_json: JsonOption = False,
) -> None:
    """Apply another policy to stored scores. Show which decisions change.

    If densitometry was imported, the command also compares the decisions with the densitometry. The
    command only reads the job table. --node selects the job table. Without --node, --config selects
    the job table.
    """
    from node.display.replay import as_json as replay_json
    from node.display.replay import print_replay
    from node.replay.run import run_replay

    node, tried = _settings(of, config, threshold)
    replayed = run_replay(node, tried, since, days_of(within))
    if figure is not None:
        write_file(figure, _figure(replayed))
    if as_json:
        print_json(replay_json(replayed))
    else:
        print_replay(replayed)


@outcomes.command("import")
def outcomes_import(
    table: Annotated[
        Path,
        typer.Argument(
            help="CSV file with patient_id, date, t_score_spine, t_score_neck, t_score_hip."
        ),
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import a table of bone densitometry. If a line is faulty, the command imports nothing.

    The command stores the pseudonym of each patient, not the Patient ID.
    """
    from dataclasses import asdict

    from node.display.replay import print_faults
    from node.replay.run import import_outcomes

    read, imported = import_outcomes(settings_of(config), lines_of(table))
    if imported is None:
        if as_json:
            print_json({"imported": None, "faults": [asdict(fault) for fault in read.faults]})
        print_faults(read.faults)
        raise Permanent(f"{table}: {len(read.faults)} faulty lines; nothing was imported")
    if as_json:
        counts = {
            "new": imported.new,
            "changed": imported.changed,
            "known": imported.unchanged,
        }
        print_json({"imported": counts, "faults": []})
    else:
        typer.echo(
            f"Imported {imported.new} T-scores, changed {imported.changed} "
            f"({imported.unchanged} already existed)"
        )


@outcomes.command("forget")
def outcomes_forget(config: ConfigOption = None) -> None:
    """Delete all imported densitometry."""
    from node.replay.run import open_outcomes

    typer.echo(f"Deleted {open_outcomes(settings_of(config)).delete_all()} T-scores")


def _settings(of: Path | None, tried: Path | None, threshold: str) -> tuple[Config, Config]:
    """Return the configuration of the node, and the configuration with the policy to try."""
    node = settings_of(of or tried)
    candidate = node if tried is None else load(tried)
    if not threshold:
        return node, candidate
    try:
        number = threshold_of(threshold)
    except ValueError as error:
        raise Misconfigured(f"--threshold: {error}") from None
    policy = candidate.policy.model_copy(update={"threshold": number})
    return node, candidate.model_copy(update={"policy": policy})


def lines_of(table: Path) -> list[str]:
    """Return the lines of a CSV file, without a byte order mark at the start."""
    try:
        return table.read_text("utf-8-sig").splitlines(keepends=True)
    except OSError as error:
        raise Misconfigured(f"{table}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{table}: not UTF-8; export it as CSV in UTF-8") from None


def _figure(replayed: "ReplayResult") -> bytes:
    from node.display.charts.replay import draw_replay
    from node.display.disclaimer import with_disclaimer

    days = list(replayed.replay.by_day)
    if not days:
        raise Permanent("--figure: nothing to draw, because no score of this bundle is stored")
    films = f"{replayed.replay.total.films} films, {days[0]} to {days[-1]}"
    title = f"{films}, as stored and under policy {replayed.policy.digest[:12]}"
    return draw_replay(replayed.replay, with_disclaimer(title, [replayed.intended_use]))
