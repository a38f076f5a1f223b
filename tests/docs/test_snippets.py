"""Commands and configuration in README and documents are accepted by the program.

A fenced block marked `console`, `bash` or `sh` contains commands. A `yaml` block contains a part of
the configuration, unless the first line of the block is a comment with the name of another file.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from node.cli.main import app
from node.config.settings import load
from tests.support.paths import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md"] + [
    page
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if page.name != "commands.md"  # generated from the command itself
]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`((?:osteoscreen|make) [a-z][^`]*)`(?!`)")


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Yield page and content of each fenced block in one of these languages."""
    for page in PAGES:
        for fence_language, content in FENCE.findall(page.read_text(encoding="utf-8")):
            if re.fullmatch(language, fence_language):
                yield str(page.relative_to(ROOT)), content


def commands() -> Iterator[tuple[str, str]]:
    """Yield page and line of each `osteoscreen` or `make` command in the blocks of commands."""
    for page, content in blocks("console|bash|sh"):
        joined = re.sub(r"\\\n\s*", " ", content)
        for line in joined.splitlines():
            command = line.strip().removeprefix("$ ").split(" | ")[0]
            command = re.sub(r"^(sudo (-u \w+ )?|\.venv/bin/)", "", command)
            if re.match(r"(osteoscreen|make)\b", command):
                yield page, command
    for path in PAGES:
        for command in INLINE.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
            if not re.search(r"[|…]|\.\.\.", command):
                yield str(path.relative_to(ROOT)), " ".join(command.split())


def parse(command: click.Command, words: list[str], context: click.Context | None = None) -> None:
    """Parse a command as the command line does, without running it."""
    with command.make_context(command.name, list(words), parent=context) as made:
        if isinstance(command, click.Group):
            remaining = [*made._protected_args, *made.args]
            if remaining:
                name, found, rest = command.resolve_command(made, remaining)
                assert found is not None, name
                parse(found, rest, made)


@pytest.mark.parametrize(("page", "command"), sorted(set(commands())))
def test_command_is_accepted(page: str, command: str) -> None:
    """Each command in a document parses, and each target of `make` exists."""
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = [word for word in words[1:] if "=" not in word]
        for target in targets:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page}: no target {target}"
        return
    program = typer.main.get_command(app)
    required = [word for word in words[1:] if word not in {"2>&1"}]
    try:
        parse(program, [word for word in required if not word.startswith((">", "<"))])
    except click.exceptions.MissingParameter:
        pytest.fail(f"{page}: {command}: an argument is missing") if "\n" in command else None
    except click.exceptions.Exit:
        pass  # --help and --version end the program
    except click.exceptions.UsageError as error:
        pytest.fail(f"{page}: {command}: {error.format_message()}")


@pytest.mark.parametrize(("page", "content"), list(blocks("yaml")))
def test_configuration_is_accepted(page: str, content: str, tmp_path: Path) -> None:
    """Each part of the configuration in a document loads."""
    if content.startswith("# ") and content.split("\n", 1)[0].endswith((".yaml", ".yml")):
        assert "config.yaml" in content.split("\n", 1)[0], f"{page}: unknown file"
    file = tmp_path / "config.yaml"
    file.write_text(content, encoding="utf-8")
    load(file)


def test_there_are_commands_and_configuration() -> None:
    """If a pattern no longer matches the documents, the other tests check nothing."""
    assert len(list(commands())) > 20
