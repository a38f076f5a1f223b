"""What the commands share: the options that many have, and how they read and write."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from node.config import Config, load

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file. [default: config.yaml, if there is one]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]


def settings_of(config: Path | None) -> tuple[Path | None, Config]:
    """Return the configuration, and the file it came from."""
    default = Path("config.yaml")
    file = config or (default if default.is_file() else None)
    return file, load(file)


def print_json(content: Any) -> None:
    """Write a result for programs."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False, default=str))
