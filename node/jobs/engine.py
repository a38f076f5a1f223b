"""The database engine, and its transactions with mapped errors."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event as sa_event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from node.domain.errors import Misconfigured, Permanent, Transient

SQLITE_BUSY_SECONDS = 30.0
_READ_ONLY = "osteoscreen_read_only"
# Options of libpq. If the server's host vanishes, a call fails after at most 30 seconds.
_TIMEOUTS = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def open_engine(url: str) -> sa.Engine:
    """Return an engine for SQLite (WAL, synchronous FULL) or PostgreSQL.

    No connection is opened. The URL of another database raises Misconfigured.
    """
    parsed = parse_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database:
        return _sqlite(parsed)
    if backend == "postgresql":
        return sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            connect_args=dict(_TIMEOUTS) | dict(parsed.query),
            pool_pre_ping=True,
            pool_size=10,
        )
    raise Misconfigured("database.url: use sqlite:///FILE or postgresql://USER@HOST/DATABASE")


def parse_url(url: str) -> sa.URL:
    """Return the parts of a database URL; raise Misconfigured for a malformed URL."""
    try:
        return sa.make_url(url)
    except ArgumentError:
        raise Misconfigured("database.url: not a database URL; see config.yaml") from None


def _sqlite(url: sa.URL) -> sa.Engine:
    file = Path(str(url.database))
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if url.database != ":memory:":
        # Only the owner may read the file, with any umask; SQLite gives its log the same mode. If
        # the file exists, SQLite opens the file; if it cannot be created, SQLite reports the error.
        with suppress(OSError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    engine = sa.create_engine(url, connect_args={"timeout": SQLITE_BUSY_SECONDS}, pool_size=10)
    sa_event.listen(engine, "connect", _prepare_sqlite)
    sa_event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # In autocommit mode, Python's driver starts no transactions of its own.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    # A deferred transaction that reads and then writes can fail with "locked" before the time-out.
    # If each writer takes the write lock first, the writers wait for each other.
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Run a block in one transaction; raise database errors as Transient or Permanent."""
    try:
        with engine.begin() as connection:
            yield connection
    except (DBAPIError, PoolTimeoutError) as error:
        raise _map_error(error) from error
    except SQLAlchemyError as error:
        raise Permanent(f"the database refused the statement: {type(error).__name__}") from error


def execute(engine: sa.Engine, statement: sa.Delete | sa.Insert | sa.Update) -> int:
    """Execute a statement in its own transaction; return the number of rows that it changed."""
    with transaction(engine) as connection:
        return connection.execute(statement).rowcount


def insert_into(engine: sa.Engine, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT of the engine's dialect, which supports ON CONFLICT."""
    is_postgres = engine.dialect.name == "postgresql"
    return postgresql.insert(table) if is_postgres else sqlite.insert(table)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a read-only transaction for long reads; SQLite does not block writers meanwhile."""
    with transaction(engine.execution_options(**{_READ_ONLY: True})) as connection:
        yield connection


def clock_of(engine: sa.Engine) -> datetime:
    """Return the database's UTC time; for SQLite, this machine's time in whole seconds."""
    with transaction(engine) as connection:
        now = connection.execute(sa.select(sa.func.now())).scalar_one()
    return now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)


def _map_error(error: SQLAlchemyError) -> Exception:
    """Map a driver's error; keep only its first line, because other lines may quote row values."""
    cause: Any = getattr(error, "orig", None) or error
    text = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    if "no such table" in text or "no such column" in text or "does not exist" in text:
        return Permanent(
            f"the database schema is not current ({text}); run: osteoscreen db upgrade"
        )
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | PoolTimeoutError):
        return Transient(f"the database does not answer: {text}")
    return Permanent(f"the database refused the statement: {text}")
