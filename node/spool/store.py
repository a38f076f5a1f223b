"""Durable files on a local or shared file system.

A key consists of a kind and a SHA-256 digest, and never contains a value from a peer. When a call
returns, the file's content and name are on the disk.
"""

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from node.domain.errors import Misconfigured, Permanent, Transient
from node.domain.hysteresis import DiskReserve, is_full
from node.files import atomic_file, move_durably, sync_folder

log = structlog.get_logger()

_REBUILD = "check the disk, then build it again: osteoscreen jobs reanalyse"
_KEY = re.compile(r"(films|results)/[0-9a-f]{2}/[0-9a-f]{64}\.dcm")


@dataclass
class FileSpool:
    """The films and results below one folder."""

    root: Path
    reserve: DiskReserve
    _full: bool = field(default=False, init=False)

    @property
    def incoming(self) -> Path:
        """The folder for unfinished files, on the same file system as the finished files."""
        return self.root / "incoming"

    def prepare(self) -> None:
        """Create the folders of the spool, or raise Misconfigured."""
        try:
            for folder in (self.root, self.incoming):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            sync_folder(self.root)
        except OSError as error:
            reason = error.strerror or "cannot be created"
            raise Misconfigured(
                f"spool.path: {self.root}: {reason}; name a writable folder"
            ) from None

    def store_film(self, source: Path, digest: str) -> str:
        """Move a film's file into the spool; return its key."""
        key = _key("films", digest)
        with _as_transient("film"):
            move_durably(source, self._prepared(key))
        return key

    def store_result(self, content: bytes) -> str:
        """Write a result's bytes to the spool; return the key of the result."""
        key = _key("results", hashlib.sha256(content).hexdigest())
        # After a crash, the unfinished file is in `incoming`, where maintenance deletes it.
        with (
            _as_transient("result"),
            atomic_file(self._prepared(key), folder=self.incoming) as file,
        ):
            file.write(content)
        return key

    def verified_path(self, key: str) -> Path:
        """Return the path of a result with the correct digest, or raise Permanent or Transient."""
        path = self.path(key)
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise Permanent(f"the spooled result is missing; {_REBUILD}") from None
        except OSError as error:
            raise Transient(f"the spooled result cannot be read: {error.strerror}") from error
        if digest != path.stem:
            raise Permanent(f"the spooled result is damaged; {_REBUILD}")
        return path

    def path(self, key: str) -> Path:
        """Return the path of a key's file; raise Permanent if the key is empty or malformed."""
        if not _KEY.fullmatch(key):
            raise Permanent("the spooled bytes are deleted: their retention has ended")
        return self.root / key

    def free_bytes(self) -> int:
        """Return the free bytes of the file system."""
        with _as_transient("spool"):
            return shutil.disk_usage(self.root).free

    def has_space(self) -> bool:
        """Return whether the disk has space for films, with the hysteresis of the reserve."""
        full = is_full(self.reserve, self.free_bytes(), self._full)
        if full != self._full:
            self._full = full
            log.error("spool_full") if full else log.warning("spool_space_recovered")
        return not full

    def remove(self, key: str) -> None:
        """Delete the file of a key, if it exists."""
        self.path(key).unlink(missing_ok=True)

    def keys(self, untouched_since: float) -> Iterator[str]:
        """Yield the keys of files that were last modified before this POSIX time."""
        for path in self.root.glob("*/??/*.dcm"):
            key = path.relative_to(self.root).as_posix()
            if _KEY.fullmatch(key) and _older(path, untouched_since):
                yield key

    def sweep_incoming(self, untouched_since: float) -> int:
        """Delete the files of interrupted transfers; return the number of these files."""
        stale = [path for path in self.incoming.iterdir() if _older(path, untouched_since)]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _prepared(self, key: str) -> Path:
        """Return the path of a key, and create its folder durably."""
        target = self.root / key
        if not target.parent.is_dir():
            # `parents=True` would create the upper folder with the default mode.
            for folder in (target.parent.parent, target.parent):
                folder.mkdir(exist_ok=True, mode=0o700)
            sync_folder(target.parent.parent)
            sync_folder(self.root)
        return target


@contextmanager
def _as_transient(content: str) -> Iterator[None]:
    """Map OSError to Transient, because a full disk or a lost network share may recover."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or "input or output failed"
        raise Transient(f"the spool cannot store the {content}: {reason}") from error


def _key(kind: str, digest: str) -> str:
    return f"{kind}/{digest[:2]}/{digest}.dcm"


def _older(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime < moment
    except FileNotFoundError:
        return False
