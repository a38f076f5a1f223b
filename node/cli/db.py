"""`osteoscreen db`: the job table's schema, its backup, and the way back."""

from pathlib import Path
from typing import Annotated

import typer

from node import log
from node.cli.options import ConfigOption, JsonOption, print_json, settings_of
from node.config.settings import Config

db = typer.Typer(help="The job table: schema, backup, restore.", no_args_is_help=True)


@db.command("upgrade")
def db_upgrade(config: ConfigOption = None) -> None:
    """Bring the schema to what this version needs."""
    from node.runtime.factories import upgrade_schema

    typer.echo(upgrade_schema(settings_of(config)[1]))


@db.command("current")
def db_current(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the schema's revision, and the one this version needs."""
    from node.jobs import schema
    from node.jobs.engine import open_engine

    _, settings = settings_of(config)
    found = schema.current(open_engine(settings.database.url))
    if as_json:
        print_json({"current": found, "needed": schema.head()})
    else:
        typer.echo(f"{found or 'empty'} (needed: {schema.head()})")


@db.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(help="The backup; a new file, such as $(date +%F).db")],
    config: ConfigOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in place of an older one, once it is sound.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy a SQLite job table while the node runs; for PostgreSQL, say how."""
    from node.display.jobs import progress_bar
    from node.jobs.backup import back_up

    settings = settings_of(config)[1]
    with progress_bar("copying the job table") as progress:
        made = back_up(settings.database.url, file, replace=replace, progress=progress)
    if as_json:
        print_json({"file": str(made.path), "bytes": made.size, "jobs": made.jobs})
    else:
        typer.echo(f"{made.path}: {made.jobs} jobs, {made.size} bytes; copy the spool after it")


@db.command("restore")
def db_restore(
    file: Annotated[Path, typer.Argument(help="A backup that `db backup` made.")],
    config: ConfigOption = None,
) -> None:
    """Put a backup in place, upgrade it, and take in what came after it; the node must rest."""
    from node.display.jobs import progress_bar
    from node.jobs.backup import restore
    from node.runtime.factories import upgrade_schema

    settings = settings_of(config)[1]
    with progress_bar("restoring the job table") as progress:
        made = restore(file, settings.database.url, progress)
    typer.echo(f"{made.path}: {made.jobs} jobs, revision {upgrade_schema(settings)}")
    _adopt(settings, as_json=False)


@db.command("adopt")
def db_adopt(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Create jobs for orphaned films in the spool."""
    _adopt(settings_of(config)[1], as_json=as_json)


def _adopt(settings: Config, *, as_json: bool) -> None:
    from node.runtime.factories import open_orphan_recovery

    log.configure(settings.log.level, settings.log.format, role="adopt")
    adopted = open_orphan_recovery(settings).recover_all()
    if as_json:
        print_json({"adopted": adopted.films, "damaged": list(adopted.damaged)})
    else:
        typer.echo(f"orphaned films with a new job: {adopted.films}")
    if adopted.damaged:
        typer.echo(f"damaged films, left in the spool: {len(adopted.damaged)}", err=True)
        raise typer.Exit(1)
