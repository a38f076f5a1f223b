"""A PostgreSQL server runs in a temporary folder, on a free loopback port."""

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
    # Tests kill only processes, so data survive without fsync, and tests are faster.
    "fsync": "off",
    "full_page_writes": "off",
    "log_min_messages": "warning",
}


class PostgresServer:
    """One server with its own folder, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._identity = _identity()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the default database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Create the database cluster."""
        if self._identity:
            os.chown(self.folder, self._identity["user"], self._identity["group"])
        _create_cluster(self.folder, self._identity)

    def start(self) -> None:
        """Start the server; return when it answers."""
        settings = SETTINGS | {
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
        }
        # Use the `postgres` in the folder of `initdb`, which has the same version.
        program = str((find("initdb") or Path()).parent / "postgres")
        command = [program, "-D", str(self.folder / "data")]
        command += [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        log = self.folder / "server.log"
        with log.open("a") as stream:
            process = subprocess.Popen(
                command,
                stdout=stream,
                stderr=stream,
                cwd=self.folder,
                start_new_session=True,
                **self._identity,
            )
        self._process = process
        wait_until(lambda: _answers(self.port, process, log), goal="answer from PostgreSQL")

    def stop(self) -> None:
        """End the server with a fast shutdown; committed transactions are stored."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def kill(self) -> None:
        """Kill every process of the server."""
        process, self._process = self._process, None
        if process is not None:
            self._signal_all(process.pid, signal.SIGKILL)
            process.wait()

    def freeze(self) -> None:
        """Suspend every process of the server."""
        if self._process is not None:
            self._signal_all(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue the server after `freeze`."""
        if self._process is not None:
            self._signal_all(self._process.pid, signal.SIGCONT)

    def _signal_all(self, server: int, number: signal.Signals) -> None:
        """Send a signal to the server and to each session, which has its own process group."""
        sessions = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        for pid in (server, *map(int, sessions)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """Yield the URL of a new server's default database, `postgresql+psycopg://...`."""
    with postgres_folder() as folder:
        server = PostgresServer(folder)
        server.create()
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


@contextlib.contextmanager
def postgres_folder() -> Iterator[Path]:
    """Yield a folder for a cluster, and delete it afterwards.

    Only the owner can enter pytest's temporary folder, and the server does not run as root, so the
    folder is elsewhere. The path is short, because a socket path has at most 107 characters.
    """
    folder = Path(tempfile.mkdtemp(prefix="osteoscreen-pg-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Yield the URL of an empty database; drop it afterwards with its open connections."""
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
    """Return the user and group of the server process, because PostgreSQL refuses root."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _create_cluster(folder: Path, identity: dict[str, Any]) -> None:
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
    command = [str(find("initdb")), f"--pgdata={folder / 'data'}", *options]
    completed = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, check=False, **identity
    )
    if completed.returncode:
        raise RuntimeError(f"initdb failed: {completed.stderr[-800:]}")


def _answers(port: int, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-800:]}")
    try:
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    # A fast shutdown ends open sessions; if it hangs, an immediate shutdown follows.
    for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
            return
