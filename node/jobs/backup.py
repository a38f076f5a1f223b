"""A copy of the job table while the node works on it, and the way back.

A copy is one file in itself, checked, and there whole or not at all.
"""

import os
import shlex
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from node.domain.errors import Misconfigured, Permanent
from node.jobs.engine import SQLITE_BUSY_SECONDS

_PAGES_A_STEP = 4096
_COMPANIONS = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a database
_SECRETS = ("password", "sslpassword", "passfile")

Progress = Callable[[float], None]
"""Told how much is copied, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was checked: where it is, its size, how many jobs it holds."""

    path: Path
    size: int
    jobs: int


def back_up(url: str, target: Path, *, replace: bool, progress: Progress) -> Copied:
    """Copy a SQLite job table to `target`, by SQLite's online backup.

    Nobody who writes has to wait, and what is copied is one moment of the table. Raises
    Misconfigured for PostgreSQL, with the command that does it there, and for a target that
    cannot be; Permanent for a copy that could not be made or is not sound.
    """
    database = sqlite_file(url, _pg_dump(url, target))
    if not database.is_file():
        raise Misconfigured(f"database.url: there is no {database}; nothing to back up")
    live = [Path(f"{database}{end}").resolve() for end in ("", *_COMPANIONS)]
    if target.resolve() in live or (target.exists() and target.samefile(database)):
        raise Misconfigured(f"{target} is the database itself; name another file")
    return _copy(database, target, replace=replace, progress=progress)


def restore(backup: Path, url: str, progress: Progress) -> Copied:
    """Put a backup where the job table was; whatever lies there must be moved away before.

    Raises Misconfigured where something lies there, Permanent for a backup that is not sound.
    """
    database = sqlite_file(url, _pg_restore(url, backup))
    if not backup.is_file():
        raise Misconfigured(f"{backup}: there is no such backup")
    # A log left beside a restored database would be played into it, and ruin it.
    left = [f"{database}{end}" for end in ("", *_COMPANIONS) if Path(f"{database}{end}").exists()]
    if left:
        raise Misconfigured(f"stop the node and move away first: {', '.join(left)}")
    return _copy(backup, database, replace=False, progress=progress)


def sqlite_file(url: str, otherwise: str) -> Path:
    """Return the file of a SQLite database; raise Misconfigured with `otherwise` for another."""
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise Misconfigured(otherwise)
    return Path(parsed.database)


def _copy(source: Path, target: Path, *, replace: bool, progress: Progress) -> Copied:
    if target.exists() and not replace:
        raise Misconfigured(f"{target} exists; name a new file, or replace it with --replace")
    with _mapped(target), _whole(target, replace=replace) as partial:
        _copy_pages(source, partial, progress)
        return Copied(target, partial.stat().st_size, _checked(partial))


def _copy_pages(source: Path, target: Path, progress: Progress) -> None:
    with closing(_open(source)) as read, closing(_open(target)) as write:
        # One read transaction around all steps: else another process that writes meanwhile
        # would make SQLite start again from the first page, on a busy node for ever.
        read.execute("BEGIN")
        read.execute("SELECT count(*) FROM sqlite_master").fetchone()
        read.backup(
            write,
            pages=_PAGES_A_STEP,
            progress=lambda _status, left, total: progress(1 - left / max(total, 1)),
        )
        read.rollback()
        # One file, without a log beside it; the node sets WAL again when it opens the table.
        write.execute("PRAGMA journal_mode=DELETE")


def _checked(path: Path) -> int:
    """Return how many jobs a copy holds; raise Permanent for one that is not sound."""
    with closing(_open(path)) as copy:
        [(found,), *_] = copy.execute("PRAGMA integrity_check").fetchall()
        if found != "ok" or copy.execute("PRAGMA foreign_key_check").fetchall():
            raise Permanent("the copy is not sound: the database it was made of is damaged")
        [count] = copy.execute("SELECT count(*) FROM job").fetchone()
    return int(count)


@contextmanager
def _whole(target: Path, *, replace: bool) -> Iterator[Path]:
    """Yield a file, for its owner alone, that becomes `target` in one step when all went well."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".partial")
    os.close(descriptor)
    partial = Path(name)
    try:
        yield partial
        _sync(partial)
        if replace:
            partial.replace(target)
        else:
            target.hardlink_to(partial)  # never over a file that came into being meanwhile
        partial.unlink(missing_ok=True)
        _sync(target.parent)
    finally:
        for end in ("", *_COMPANIONS):
            Path(f"{partial}{end}").unlink(missing_ok=True)


@contextmanager
def _mapped(target: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise Misconfigured(f"{target} exists; name a new file") from None
    except OSError as error:
        reason = error.strerror or "cannot be written"
        raise Misconfigured(f"{target}: {reason}; name a file in a writable folder") from None
    except sqlite3.Error as error:
        if "no such table" in str(error):
            raise Permanent(
                "the database holds no job table; run: osteoscreen db upgrade"
            ) from None
        raise Permanent(f"no copy was made: {error}") from None


def _open(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"  # never makes a database that was not there
    return sqlite3.connect(uri, uri=True, timeout=SQLITE_BUSY_SECONDS, isolation_level=None)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pg_dump(url: str, target: Path) -> str:
    command = ["pg_dump", "--format=custom", f"--file={target}", _without_secrets(url)]
    return f"PostgreSQL backs itself up: {shlex.join(command)}"


def _pg_restore(url: str, backup: Path) -> str:
    database = f"--dbname={_without_secrets(url)}"
    command = ["pg_restore", "--single-transaction", database, str(backup)]
    return (
        f"PostgreSQL restores itself, into an empty database: {shlex.join(command)} "
        "and then: osteoscreen db upgrade, osteoscreen db adopt"
    )


def _without_secrets(url: str) -> str:
    parsed = _parsed(url)
    asked = {key: value for key, value in parsed.query.items() if key not in _SECRETS}
    shown = sa.URL.create(
        "postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database, asked
    )
    return shown.render_as_string()


def _parsed(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except ArgumentError:
        raise Misconfigured("database.url: not a database URL; see config.yaml") from None
