"""Options and helpers that several commands share."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from node.config.settings import Config, load
from node.domain.errors import Misconfigured
from node.domain.health_check import HealthCheck

DAY = "%Y-%m-%d"
"""The format of a day in the value of an option."""


def in_utc(time: datetime | None) -> datetime | None:
    """Return the time of an option with the time zone UTC."""
    return None if time is None else time.replace(tzinfo=UTC)


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file. [default: config.yaml, if there is one]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write the output as JSON, for programs.")]
SinceOption = Annotated[
    datetime | None,
    typer.Option(formats=[DAY], callback=in_utc, help="Use only films of this day (UTC) or later."),
]
WithinOption = Annotated[
    str, typer.Option(help="Maximum time between film and densitometry, such as 365d.")
]
FigureOption = Annotated[Path | None, typer.Option(help="Write a chart to this PNG file.")]


def config_file(config: Path | None) -> Path | None:
    """Return the value of the option --config, or config.yaml if that file exists."""
    default = Path("config.yaml")
    return config or (default if default.is_file() else None)


def settings_of(config: Path | None) -> Config:
    """Return the configuration that the option --config selects."""
    return load(config_file(config))


def as_text(content: Any) -> str:
    """Return a result as JSON text."""
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)


def print_json(content: Any) -> None:
    """Write a result as JSON to standard output."""
    typer.echo(as_text(content))


def report_checks(checks: Sequence[HealthCheck], as_json: bool) -> None:
    """Print checks; exit with status 1 if one of them failed."""
    from node.display.jobs import print_checks

    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        print_checks(checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def write_file(path: Path, content: bytes) -> None:
    """Write content to the file that an option names."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}; name another file") from None


def days_of(text: str) -> timedelta:
    """Return the value of the option --within as a duration."""
    number = text.removesuffix("d")
    if not number.isdecimal() or len(number) > 5:
        raise Misconfigured(f"--within: {text!r} is not a number of days, such as 365d")
    return timedelta(days=int(number))


def add_renamed_command(app: typer.Typer, old: str, new: str) -> None:
    """Add a hidden command with an old name, which only reports the new name."""

    @app.command(old.split()[-1], hidden=True, context_settings={"ignore_unknown_options": True})
    def renamed(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
        """Report the new name of a renamed command."""
        raise Misconfigured(f"osteoscreen {old} was renamed: run osteoscreen {new}")
