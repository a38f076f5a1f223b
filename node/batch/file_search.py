"""Search for the files below paths; each file is listed once, in a fixed order."""

import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from node.domain.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """Files in the order of their paths, and the number of skipped entries by reason."""

    files: tuple[Path, ...]
    skipped: Counter[str]


def find_files(paths: Iterable[Path]) -> FoundFiles:
    """Return every regular file at or below the paths; raise Misconfigured for a missing path.

    Links are followed after all real entries, and no folder is entered twice. A file with several
    links is listed once, under its real path if possible.
    """
    search = _Search()
    for path in paths:
        search.add(os.path.abspath(path))  # noqa: PTH100 - keeps the path's links
    search.follow_links()
    return FoundFiles(tuple(Path(path) for path in sorted(search.files.values())), search.skipped)


class _Search:
    def __init__(self) -> None:
        self.files: dict[str, str] = {}  # real path -> path as found
        self.skipped: Counter[str] = Counter()
        self._entered: set[str] = set()
        self._folders: list[str] = []
        self._links: list[str] = []

    def add(self, path: str) -> None:
        """Add an existing path, and all entries below this path except links."""
        try:
            self._place(path, Path(path).stat().st_mode)
        except OSError as error:
            raise Misconfigured(f"{path}: {error.strerror}; name a file or a folder") from None
        self._walk()

    def follow_links(self) -> None:
        while self._links:
            path = self._links.pop(0)
            try:
                self._place(path, Path(path).stat().st_mode)
            except OSError:  # the target is missing, or the link is a loop
                self.skipped["broken link"] += 1
            self._walk()

    def _place(self, path: str, mode: int) -> None:
        if stat.S_ISDIR(mode):
            self._folders.append(path)
        elif stat.S_ISREG(mode):
            self.files.setdefault(os.path.realpath(path), path)
        else:  # for example a pipe, which would block the reader
            self.skipped["not a regular file"] += 1

    def _walk(self) -> None:
        while self._folders:
            folder = self._folders.pop()
            real = os.path.realpath(folder)
            if real in self._entered:
                continue
            self._entered.add(real)
            try:
                with os.scandir(folder) as entries:
                    for entry in sorted(entries, key=lambda entry: entry.name):
                        self._take(entry, real)
            except OSError:
                self.skipped["unreadable folder"] += 1

    def _take(self, entry: os.DirEntry[str], folder: str) -> None:
        if entry.is_symlink():
            self._links.append(entry.path)
        elif entry.is_dir():
            self._folders.append(entry.path)
        elif entry.is_file():
            self.files.setdefault(f"{folder}/{entry.name}", entry.path)
        else:
            self.skipped["not a regular file"] += 1
