"""`osteoscreen thresholds` and `outcomes`: stored scores under other rules, before they are set."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.options import (
    DAY,
    ConfigOption,
    JsonOption,
    days_of,
    print_json,
    settings_of,
)
from node.config.settings import Config, load
from node.config.types import threshold_of
from node.domain.errors import Misconfigured, Permanent

if TYPE_CHECKING:
    from node.replay.densitometry import Replayed

thresholds = typer.Typer(help="Thresholds, tried on the scores there are.", no_args_is_help=True)
outcomes = typer.Typer(help="Bone densitometry, to compare with.", no_args_is_help=True)


@thresholds.command("replay")
def thresholds_replay(  # noqa: PLR0913 - a parameter is an option
    threshold: Annotated[
        str, typer.Option(help="A number or the name of an operating point, for the default rule.")
    ] = "",
    config: Annotated[
        Path | None, typer.Option(help="A configuration file with the rules to be tried.")
    ] = None,
    of: Annotated[
        Path | None,
        typer.Option("--node", help="The node's own configuration file. [default: config.yaml]"),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=[DAY], help="Films received from this day on (UTC).")
    ] = None,
    within: Annotated[
        str, typer.Option(help="How far film and densitometry may lie apart, such as 365d.")
    ] = "365d",
    figure: Annotated[Path | None, typer.Option(help="A PNG to draw.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Decide on the stored scores by other rules: which films flip, and how often one is right.

    Nothing is scored, changed or sent. The job table is that of --node, or else of --config.
    """
    from node.display.replay import as_json as told
    from node.display.replay import print_replay
    from node.replay.run import run_replay

    node, tried = _settings(of, config, threshold)
    start = None if since is None else since.replace(tzinfo=UTC)
    done = run_replay(node, tried, start, days_of(within))
    if figure is not None:
        _draw(figure, done)
    if as_json:
        print_json(told(done))
    else:
        print_replay(done)


@outcomes.command("import")
def outcomes_import(
    table: Annotated[Path, typer.Argument(help="A CSV: patient_id, date, t_score_... for sites.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in a table of bone densitometry, whole or not at all; no ID is kept."""
    from dataclasses import asdict

    from node.display.replay import print_faults
    from node.replay.run import import_outcomes

    settings = settings_of(config)[1]
    read, imported = import_outcomes(settings, lines_of(table))
    if imported is None:
        if as_json:
            print_json({"imported": None, "faults": [asdict(fault) for fault in read.faults]})
        print_faults(read.faults)
        raise Permanent(f"{table}: nothing was imported; faults: {len(read.faults)}")
    if as_json:
        print_json({"imported": asdict(imported), "faults": []})
    else:
        typer.echo(
            f"{imported.new} T-scores are new, {imported.changed} have changed, "
            f"{imported.known} were known"
        )


@outcomes.command("forget")
def outcomes_forget(config: ConfigOption = None) -> None:
    """Delete all densitometry that was imported."""
    from node.replay.run import open_outcomes

    typer.echo(f"{open_outcomes(settings_of(config)[1]).forget()} T-scores are deleted")


def _settings(of: Path | None, tried: Path | None, threshold: str) -> tuple[Config, Config]:
    """Return the node's configuration, and the one whose policy is tried."""
    own = of if of is not None else tried
    node = settings_of(own)[1]
    wanted = node if tried is None else load(tried)
    if not threshold:
        return node, wanted
    try:
        number = threshold_of(threshold)
    except ValueError as error:
        raise Misconfigured(f"--threshold: {error}") from None
    policy = wanted.policy.model_copy(update={"threshold": number})
    return node, wanted.model_copy(update={"policy": policy})


def lines_of(table: Path) -> list[str]:
    """Return a table's lines; hospitals' exports begin with a byte order mark now and then."""
    try:
        return table.read_text("utf-8-sig").splitlines(keepends=True)
    except OSError as error:
        raise Misconfigured(f"{table}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{table}: not in UTF-8; export it as CSV in UTF-8") from None


def _draw(path: Path, done: "Replayed") -> None:
    """Draw a replay; matplotlib is there only for whoever wants figures."""
    from node.display.disclaimer import entitled

    try:
        from node.display.charts.replay import draw_replay
    except ModuleNotFoundError:
        raise Misconfigured("--figure needs: pip install 'osteoscreen[research]'") from None
    days = list(done.replay.by_day)
    if not days:
        raise Permanent("--figure: no score of this bundle is stored, so there is nothing to draw")
    films = f"{done.replay.all.films} films, {days[0]} to {days[-1]}"
    title = f"{films}, as stored and under policy {done.policy.digest[:12]}"
    png = draw_replay(done.replay, entitled(title, [done.intended_use]))
    try:
        path.write_bytes(png)
    except OSError as error:
        raise Misconfigured(f"--figure: {path}: {error.strerror}") from None
