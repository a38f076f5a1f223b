"""Passwords, tokens and keys, which stand in files of their own and never in the configuration."""

from pathlib import Path

from node.domain.errors import Misconfigured


def read_secret(key: str, path: Path) -> str:
    """Return what a file holds, without white space around it.

    Raises Misconfigured, with the key that names the file, where it cannot be read.
    """
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise Misconfigured(f"{key} {path} cannot be read: {why}") from None
