"""Durable files: a function returns after the file, replaced atomically, is on the disk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO


@contextmanager
def atomic_file(
    path: Path, *, mode: int = 0o600, overwrite: bool = True, folder: Path | None = None
) -> Iterator[IO[bytes]]:
    """Yield a temporary file that is renamed to `path` if the block ends without an error.

    Other processes read the old file or the complete new file. At the end, the new file is on the
    disk. The temporary file is in the folder of `path`, or in `folder` on the same file system.
    Raises FileExistsError if `path` exists and `overwrite` is False, and OSError on other failures.
    """
    temporary = NamedTemporaryFile(  # noqa: SIM115 - deleted below, since a rename may take it
        dir=folder or path.parent, prefix=".", suffix=".partial", delete=False
    )
    try:
        with temporary:
            yield temporary
            temporary.flush()
            os.fchmod(temporary.fileno(), mode)
            os.fsync(temporary.fileno())
        if overwrite:
            Path(temporary.name).replace(path)
        else:
            path.hardlink_to(temporary.name)  # a rename would overwrite
        sync_folder(path.parent)
    finally:
        with suppress(OSError):
            Path(temporary.name).unlink()


def write_atomically(
    path: Path, content: bytes, *, mode: int = 0o600, overwrite: bool = True
) -> None:
    """Write a file in one step, as `atomic_file` does."""
    with atomic_file(path, mode=mode, overwrite=overwrite) as file:
        file.write(content)


def move_durably(source: Path, target: Path) -> None:
    """Rename a file, and return when its content and its new name are on the disk."""
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Write a folder's file names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
