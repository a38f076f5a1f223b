"""A PostgreSQL server of the tests' own: in a temporary folder, on a free loopback port."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.peers.programs import find
from tests.peers.waiting import free_port, wait_until

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    # The tests end processes, not the power: what the server was told survives that without
    # fsync, and the suite runs in half the time.
    "fsync": "off",
    "full_page_writes": "off",
    "log_min_messages": "warning",
}


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """Yield the URL of a fresh server's own database, `postgresql+psycopg://...`."""
    # Not under pytest's folder: only its owner may enter that one, and as root the server
    # runs as somebody else. A short path, too: a socket's may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="osteoscreen-pg-"))
    identity = _identity()
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    port = free_port()
    try:
        _create_cluster(folder, identity)
        with _server(folder, port, identity):
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Yield the URL of an empty database, dropped afterwards with whoever is still connected."""
    name = f"test_{uuid.uuid4().hex}"
    _execute(server_url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield f"{server_url.rpartition('/')[0]}/{name}"
    finally:
        drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        _execute(server_url, drop)


def _execute(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)


def _identity() -> dict[str, Any]:
    """Return who is to run the server: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _create_cluster(folder: Path, identity: dict[str, Any]) -> None:
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
    command = [str(find("initdb")), f"--pgdata={folder / 'data'}", *options]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, check=False, **identity
    )
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr[-800:]}")


@contextlib.contextmanager
def _server(folder: Path, port: int, identity: dict[str, Any]) -> Iterator[None]:
    settings = {**SETTINGS, "port": str(port), "unix_socket_directories": str(folder)}
    # The `postgres` beside `initdb`, so that both are of one version.
    program = str((find("initdb") or Path()).parent / "postgres")
    command = [program, "-D", str(folder / "data")]
    command += [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    log = folder / "server.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, cwd=folder, start_new_session=True, **identity
        )
    try:
        wait_until(lambda: _answers(port, process, log), what="answer from PostgreSQL")
        yield
    finally:
        _end(process)


def _answers(port: int, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-800:]}")
    try:
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    # A "fast" shutdown, which ends open sessions; should it hang, an immediate one.
    for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
            return
