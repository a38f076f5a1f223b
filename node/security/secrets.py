"""Passwords, tokens and keys, which are in separate files and never in the configuration."""

from pathlib import Path

from node.domain.errors import Misconfigured


def read_secret(key: str, path: Path) -> str:
    """Return the content of a file, without white space around it.

    Raises Misconfigured, with the key of the configuration that names the file.
    """
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise Misconfigured(f"{key} {path} cannot be read: {reason}") from None
