"""Files that are there whole or not at all, however a run ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file to write in the place of ``path``, whose name it takes when it is finished.

    Folders are made. What a killed run leaves is overwritten by the next.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    yield part
    part.replace(path)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write bytes, or text in UTF-8."""
    with whole(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
