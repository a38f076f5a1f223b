"""Durable bytes on a local or shared file system.

A key is a kind and a SHA-256, never a value that a peer chose. What a call returns from is on
the disk: the file is synced, renamed to its place, and the folder is synced after it.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from node.domain.errors import Misconfigured, Permanent, Transient
from node.domain.hysteresis import Reserve, is_full

log = structlog.get_logger()

_BUILD_ANEW = "check the disk, then build it anew: osteoscreen jobs reanalyse"
_KEY = re.compile(r"(films|results)/[0-9a-f]{2}/[0-9a-f]{64}\.dcm")


class FileSpool:
    """Implements `node.ports.Spool` below one folder."""

    def __init__(self, root: Path, reserve: Reserve) -> None:
        self._root = root
        self._reserve = reserve
        self._full = False

    @property
    def incoming(self) -> Path:
        """The folder for files under way, on the same file system as their final place."""
        return self._root / "incoming"

    def prepare(self) -> None:
        """Make the folders; raise Misconfigured where that is not possible."""
        try:
            for folder in (self._root, self.incoming):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            sync_folder(self._root)
        except OSError as error:
            reason = error.strerror or "cannot be made"
            raise Misconfigured(
                f"spool.path: {self._root}: {reason}; name a writable folder"
            ) from None

    def adopt(self, source: Path, digest: str) -> str:
        """Take over a film's file by rename, durable on return; return its key."""
        key = _key("films", digest)
        with _as_transient("film"):
            with source.open("rb") as file:
                os.fsync(file.fileno())
            self._place(source, key)
        return key

    def write(self, content: bytes) -> str:
        """Keep a result's bytes, durable on return; return their key."""
        key = _key("results", hashlib.sha256(content).hexdigest())
        with _as_transient("result"):
            descriptor, name = tempfile.mkstemp(dir=self.incoming)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                self._place(Path(name), key)
            except OSError:  # on a full disk, half a file would take the room of the next try
                Path(name).unlink(missing_ok=True)
                raise
        return key

    def intact(self, key: str) -> Path:
        """Return where a result's bytes lie; raise Permanent where they are not those written."""
        path = self.path(key)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise Permanent(f"the spooled result is not there any more; {_BUILD_ANEW}") from None
        except OSError as error:
            raise Transient(f"the spooled result cannot be read: {error.strerror}") from error
        if found != path.stem:
            raise Permanent(f"the spooled result is damaged; {_BUILD_ANEW}")
        return path

    def path(self, key: str) -> Path:
        """Return where a key's bytes lie; raise Permanent for what is no key of ours."""
        if not _KEY.fullmatch(key):
            raise Permanent("the spooled bytes are gone: their retention is over")
        return self._root / key

    def free(self) -> int:
        """Return the free bytes of the file system."""
        with _as_transient("spool"):
            return shutil.disk_usage(self._root).free

    def has_room(self) -> bool:
        """Return whether films may be taken; once not, only when there is clearly room again."""
        full = is_full(self._reserve, self.free(), self._full)
        if full != self._full:
            self._full = full
            log.error("spool_full") if full else log.warning("spool_has_room_again")
        return not full

    def remove(self, key: str) -> None:
        """Delete a key's bytes, if they are there."""
        self.path(key).unlink(missing_ok=True)

    def keys(self, untouched_since: float) -> Iterator[str]:
        """Yield the keys of the files not modified after this POSIX time."""
        for path in self._root.glob("*/??/*.dcm"):
            key = path.relative_to(self._root).as_posix()
            if _KEY.fullmatch(key) and _older(path, untouched_since):
                yield key

    def sweep_incoming(self, untouched_since: float) -> int:
        """Delete what broken transfers left behind; return how many files."""
        stale = [path for path in self.incoming.iterdir() if _older(path, untouched_since)]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _place(self, source: Path, key: str) -> None:
        target = self._root / key
        if not target.parent.is_dir():
            # One by one: the mode would not hold for what `parents=True` makes on the way.
            for folder in (target.parent.parent, target.parent):
                folder.mkdir(exist_ok=True, mode=0o700)
            sync_folder(target.parent.parent)
            sync_folder(self._root)
        source.replace(target)
        sync_folder(target.parent)


@contextmanager
def _as_transient(what: str) -> Iterator[None]:
    """Map what the file system refuses to Transient: room can be made, a share comes back."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or "input or output failed"
        raise Transient(f"the spool cannot keep the {what}: {reason}") from error


def _key(kind: str, digest: str) -> str:
    return f"{kind}/{digest[:2]}/{digest}.dcm"


def _older(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime < moment
    except FileNotFoundError:
        return False


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
