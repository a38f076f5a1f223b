"""Secrets such as passwords and tokens, which are in files of their own."""

from pathlib import Path

from node.domain.errors import Misconfigured


def read_secret(key: str, path: Path) -> str:
    """Return a file's content without outer white space; raise Misconfigured with the key."""
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise Misconfigured(f"{key} {path} cannot be read: {reason}") from None
