"""Backup and restore of a SQLite job table; each copy is one verified file."""

import shlex
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from node.domain.errors import Misconfigured, Permanent
from node.files import atomic_file
from node.jobs.engine import SQLITE_BUSY_SECONDS, parse_url

_PAGES_PER_STEP = 4096
_COMPANIONS = ("-wal", "-shm", "-journal")  # suffixes of SQLite's files beside a database
_SECRETS = ("password", "sslpassword", "passfile")

Progress = Callable[[float], None]
"""A callback that receives the copied fraction of the database, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class DatabaseCopy:
    """A verified copy of a job table, with its size in bytes and its number of jobs."""

    path: Path
    size: int
    jobs: int


def back_up(url: str, target: Path, *, replace: bool, progress: Progress) -> DatabaseCopy:
    """Copy a SQLite job table to `target` with SQLite's online backup.

    The copy is a consistent snapshot, and writers do not wait for it. Raises Misconfigured for
    PostgreSQL, with the command to run instead, and for an unusable target. Raises Permanent if
    the copy fails or is damaged.
    """
    database = sqlite_file(url, _pg_dump(url, target))
    if not database.is_file():
        raise Misconfigured(f"database.url: {database} does not exist; nothing to back up")
    live = [Path(f"{database}{suffix}").resolve() for suffix in ("", *_COMPANIONS)]
    if target.resolve() in live or (target.exists() and target.samefile(database)):
        raise Misconfigured(f"{target} is the database itself; name another file")
    return _copy(database, target, replace=replace, progress=progress)


def restore(backup: Path, url: str, progress: Progress) -> DatabaseCopy:
    """Copy a backup to the path of the job table, where no database may exist.

    Raises Misconfigured if a database or a log exists at this path, and Permanent for a damaged
    backup.
    """
    database = sqlite_file(url, _pg_restore(url, backup))
    if not backup.is_file():
        raise Misconfigured(f"{backup}: this backup does not exist")
    # SQLite would apply an old log to the restored database, and damage it.
    files = [f"{database}{suffix}" for suffix in ("", *_COMPANIONS)]
    existing = [file for file in files if Path(file).exists()]
    if existing:
        raise Misconfigured(f"stop the node and move away first: {', '.join(existing)}")
    return _copy(backup, database, replace=False, progress=progress)


def sqlite_file(url: str, message: str) -> Path:
    """Return the file of a SQLite database; raise Misconfigured(message) for another database."""
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise Misconfigured(message)
    return Path(parsed.database)


def _copy(source: Path, target: Path, *, replace: bool, progress: Progress) -> DatabaseCopy:
    if target.exists() and not replace:
        raise Misconfigured(f"{target} exists; name a new file, or replace it with --replace")
    with _mapped_errors(target), _database_file(target, replace=replace) as partial:
        _copy_pages(source, partial, progress)
        return DatabaseCopy(target, partial.stat().st_size, _verify(partial))


def _copy_pages(source: Path, target: Path, progress: Progress) -> None:
    with closing(_open(source)) as read, closing(_open(target)) as write:
        # Without one read transaction around all steps, each write of another process makes
        # SQLite start again from the first page. On a busy node, the backup would never end.
        read.execute("BEGIN")
        read.execute("SELECT count(*) FROM sqlite_master").fetchone()
        read.backup(
            write,
            pages=_PAGES_PER_STEP,
            progress=lambda _status, remaining, total: progress(1 - remaining / max(total, 1)),
        )
        read.rollback()
        # Without WAL, the copy is one file. The node sets WAL again when it opens the table.
        write.execute("PRAGMA journal_mode=DELETE")


def _verify(path: Path) -> int:
    """Return the number of jobs in a copy; raise Permanent if the copy is damaged."""
    with closing(_open(path)) as copy:
        [(integrity,), *_] = copy.execute("PRAGMA integrity_check").fetchall()
        if integrity != "ok" or copy.execute("PRAGMA foreign_key_check").fetchall():
            raise Permanent("the copy is damaged, because its source is damaged")
        [count] = copy.execute("SELECT count(*) FROM job").fetchone()
    return int(count)


@contextmanager
def _database_file(target: Path, *, replace: bool) -> Iterator[Path]:
    """Yield a file that becomes `target` atomically; delete SQLite's other files beside it."""
    with atomic_file(target, overwrite=replace) as file:
        path = Path(file.name)
        try:
            yield path
        finally:
            for suffix in _COMPANIONS:
                Path(f"{path}{suffix}").unlink(missing_ok=True)


@contextmanager
def _mapped_errors(target: Path) -> Iterator[None]:
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
                "the database contains no job table; run: osteoscreen db upgrade"
            ) from None
        raise Permanent(f"the copy failed: {error}") from None


def _open(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"  # never creates a missing database
    return sqlite3.connect(uri, uri=True, timeout=SQLITE_BUSY_SECONDS, isolation_level=None)


def _pg_dump(url: str, target: Path) -> str:
    command = ["pg_dump", "--format=custom", f"--file={target}", _without_secrets(url)]
    return f"use PostgreSQL's own backup: {shlex.join(command)}"


def _pg_restore(url: str, backup: Path) -> str:
    database = f"--dbname={_without_secrets(url)}"
    command = ["pg_restore", "--single-transaction", database, str(backup)]
    return (
        f"use PostgreSQL's own restore, into an empty database: {shlex.join(command)}; "
        "then run: osteoscreen db upgrade, osteoscreen db adopt"
    )


def _without_secrets(url: str) -> str:
    parsed = parse_url(url)
    query = {key: value for key, value in parsed.query.items() if key not in _SECRETS}
    public = sa.URL.create(
        "postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database, query
    )
    return public.render_as_string()
