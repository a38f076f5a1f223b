"""`osteoscreen db`: upgrade, back up and restore the job table."""

from pathlib import Path
from typing import Annotated

import typer

from node import log
from node.cli.options import ConfigOption, JsonOption, print_json, settings_of
from node.config.settings import Config

db = typer.Typer(help="Upgrade, back up and restore the job table.", no_args_is_help=True)


@db.command("upgrade")
def db_upgrade(config: ConfigOption = None) -> None:
    """Upgrade the schema of the job table."""
    from node.runtime.factories import upgrade_schema

    typer.echo(upgrade_schema(settings_of(config)))


@db.command("current")
def db_current(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the revision of the schema. Also show the revision that OsteoScreen needs."""
    from node.jobs import schema
    from node.jobs.engine import open_engine

    settings = settings_of(config)
    current = schema.current(open_engine(settings.database.url))
    if as_json:
        print_json({"current": current, "needed": schema.head()})
    else:
        typer.echo(f"{current or 'empty'} (needed: {schema.head()})")


@db.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(help="New file for the backup.")],
    config: ConfigOption = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace an existing file after the new backup is checked."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Back up a SQLite job table. The command also works while the node runs.

    For PostgreSQL, the command only prints the `pg_dump` command that you can use.
    """
    from node.display.jobs import progress_bar
    from node.jobs.backup import back_up

    settings = settings_of(config)
    with progress_bar("copying the job table") as progress:
        backup = back_up(settings.database.url, file, replace=replace, progress=progress)
    if as_json:
        print_json({"file": str(backup.path), "bytes": backup.size, "jobs": backup.jobs})
    else:
        typer.echo(f"{backup.path}: {backup.jobs} jobs, {backup.size} bytes. Now copy the spool.")


@db.command("restore")
def db_restore(
    file: Annotated[Path, typer.Argument(help="Backup that `db backup` has written.")],
    config: ConfigOption = None,
) -> None:
    """Restore a backup of the job table. Stop the node before you run this command.

    The command also upgrades the schema, and creates jobs for orphaned films in the spool.
    """
    from node.display.jobs import progress_bar
    from node.jobs.backup import restore
    from node.runtime.factories import upgrade_schema

    settings = settings_of(config)
    with progress_bar("restoring the job table") as progress:
        restored = restore(file, settings.database.url, progress)
    typer.echo(f"{restored.path}: {restored.jobs} jobs, revision {upgrade_schema(settings)}")
    _adopt(settings, as_json=False)


@db.command("adopt")
def db_adopt(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Create jobs for orphaned films in the spool."""
    _adopt(settings_of(config), as_json=as_json)


def _adopt(settings: Config, *, as_json: bool) -> None:
    from node.runtime.factories import open_orphan_recovery

    log.configure(settings.log.level, settings.log.format, role="adopt")
    adopted = open_orphan_recovery(settings).recover_all()
    if as_json:
        print_json({"adopted": adopted.films, "damaged": list(adopted.damaged)})
    else:
        text = f"Created jobs for {adopted.films} orphaned films"
        typer.echo(text if adopted.films else "No orphaned films found")
    if adopted.damaged:
        typer.echo(
            f"{len(adopted.damaged)} damaged films were not adopted; have them sent again", err=True
        )
        raise typer.Exit(1)
