"""Write a file completely or not at all, even if the run is killed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` at the end of the block.

    Missing folders are created. The next run overwrites the temporary file of a killed run.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    yield part
    part.replace(path)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write ``path`` atomically; text is encoded as UTF-8."""
    with atomic_path(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
