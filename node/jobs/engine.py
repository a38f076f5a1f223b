"""The database engine, and the one way to open a transaction on it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event as sa_event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from node.domain.errors import Misconfigured, Permanent, Transient

SQLITE_BUSY_SECONDS = 30.0
_READS = "osteoscreen_reads"
# A host that vanishes without a word holds nobody for longer than half a minute (libpq's names).
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def open_engine(url: str) -> sa.Engine:
    """Return an engine for SQLite (WAL, synchronous FULL) or PostgreSQL.

    Nothing is connected yet. Raises Misconfigured for a URL that names neither.
    """
    try:
        parsed = sa.make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError):
        raise Misconfigured("database.url: not a database URL; see config.yaml") from None
    if backend == "sqlite" and parsed.database:
        return _sqlite(parsed)
    if backend == "postgresql":
        return sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            connect_args=dict(_PATIENCE) | dict(parsed.query),
            pool_pre_ping=True,
            pool_size=10,
        )
    raise Misconfigured("database.url: use sqlite:///FILE or postgresql://USER@HOST/DATABASE")


def _sqlite(url: sa.URL) -> sa.Engine:
    file = Path(str(url.database))
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if url.database != ":memory:":
        # Ours alone, whatever the umask; SQLite gives its log and index the same mode. Where
        # that is not possible or the file is there, SQLite has the word.
        with suppress(OSError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    engine = sa.create_engine(url, connect_args={"timeout": SQLITE_BUSY_SECONDS}, pool_size=10)
    sa_event.listen(engine, "connect", _prepare_sqlite)
    sa_event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Autocommit, so that Python's driver starts no transaction behind our back.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    # A deferred transaction that reads and then writes can fail with "locked" whatever the
    # time-out; taking the write lock at once makes writers wait in line instead.
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction, committed on leaving; database errors become Transient or Permanent."""
    try:
        with engine.begin() as connection:
            yield connection
    except (DBAPIError, PoolTimeoutError) as error:
        raise _translated(error) from error
    except SQLAlchemyError as error:
        raise Permanent(f"the database refused the statement: {type(error).__name__}") from error


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that only reads, for long looks: on SQLite it keeps no writer waiting."""
    with transaction(engine.execution_options(**{_READS: True})) as connection:
        yield connection


def clock_of(engine: sa.Engine) -> datetime:
    """Return the database's time, in UTC. SQLite's is that of this machine, in whole seconds."""
    with transaction(engine) as connection:
        now = connection.execute(sa.select(sa.func.now())).scalar_one()
    return now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)


def _translated(error: SQLAlchemyError) -> Exception:
    """Map a driver's error. Its text may quote row values, so that only its first line is kept."""
    cause: Any = getattr(error, "orig", None) or error
    text = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    if "no such table" in text or "no such column" in text or "does not exist" in text:
        return Permanent(
            f"the database schema is not current ({text}); run: osteoscreen db upgrade"
        )
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | PoolTimeoutError):
        return Transient(f"the database does not answer: {text}")
    return Permanent(f"the database refused the statement: {text}")
