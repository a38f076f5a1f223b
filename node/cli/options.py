"""Options and helpers that several commands share."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from node.config.settings import Config, load
from node.domain.errors import Misconfigured

DAY = "%Y-%m-%d"
"""Format of a day in an option."""

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file. [default: config.yaml, if there is one]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]


def config_file(config: Path | None) -> Path | None:
    """Return the configuration file: the option's value, else config.yaml if it exists."""
    default = Path("config.yaml")
    return config or (default if default.is_file() else None)


def settings_of(config: Path | None) -> tuple[Path | None, Config]:
    """Return the configuration, and the file it came from."""
    file = config_file(config)
    return file, load(file)


def as_text(content: Any) -> str:
    """Return a result as JSON for programs."""
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)


def print_json(content: Any) -> None:
    """Write a result for programs."""
    typer.echo(as_text(content))


def days_of(text: str) -> timedelta:
    """Return how far film and densitometry may lie apart, by the option --within."""
    number = text.removesuffix("d")
    if not number.isdecimal() or len(number) > 5:
        raise Misconfigured(f"--within: {text!r} is no number of days, such as 365d")
    return timedelta(days=int(number))
