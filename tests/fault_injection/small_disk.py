"""Simulate a small disk by a tmpfs or, without root rights, by a large `spool.min_free`."""

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SIZE = 256 * 1024 * 1024
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A folder whose file system can be filled; `min_free` is the node's `spool.min_free`."""

    folder: Path
    mounted: bool
    min_free: int

    @property
    def ballast(self) -> Path:
        """The ballast file, which occupies the free space."""
        return self.folder / "ballast"

    def fill(self, leave: int = 0) -> None:
        """Leave only `leave` bytes free; without a tmpfs, leave less than `min_free`."""
        self.clear()
        if not self.mounted:
            with self.ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, 2 * _SIZE)
            return
        with self.ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while shutil.disk_usage(self.folder).free > leave + _CHUNK:
                file.write(bytes(_CHUNK))
            file.write(bytes(max(0, shutil.disk_usage(self.folder).free - leave)))

    def clear(self) -> None:
        """Free the space again."""
        self.ballast.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Yield a small disk at `folder`, and unmount it afterwards."""
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={_SIZE},mode=700", "osteoscreen-faults", str(folder)]
    mounted = os.getuid() == 0 and _succeeds("mount", *options)
    try:
        if mounted:
            yield SmallDisk(folder, True, 0)
        else:
            # `fill` writes a file of 2 * _SIZE, which reduces the free space below `min_free`.
            free = shutil.disk_usage(folder).free
            yield SmallDisk(folder, False, free - _SIZE)
    finally:
        if mounted:
            _succeeds("umount", "--lazy", str(folder))


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return False
