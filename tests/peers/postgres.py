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


class PostgresServer:
    """One server in a folder of its own, which outlasts its ends: for an outage, start it again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._identity = _identity()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of its own database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Make the cluster, once."""
        if self._identity:
            os.chown(self.folder, self._identity["user"], self._identity["group"])
        _create_cluster(self.folder, self._identity)

    def start(self) -> None:
        """Start, and return once it answers."""
        settings = SETTINGS | {
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
        }
        # The `postgres` beside `initdb`, so that both are of one version.
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
        wait_until(lambda: _answers(self.port, process, log), what="answer from PostgreSQL")

    def stop(self) -> None:
        """End it as an administrator in a hurry would; what it was told is stored."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def kill(self) -> None:
        """End it as a crash would, every process of it."""
        process, self._process = self._process, None
        if process is not None:
            self._signal_all(process.pid, signal.SIGKILL)
            process.wait()

    def freeze(self) -> None:
        """Make it hang, every process of it."""
        if self._process is not None:
            self._signal_all(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._signal_all(self._process.pid, signal.SIGCONT)

    def _signal_all(self, server: int, number: signal.Signals) -> None:
        """Send a signal to the server and to each of its sessions: their groups are their own."""
        sessions = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        for pid in (server, *map(int, sessions)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """Yield the URL of a fresh server's own database, `postgresql+psycopg://...`."""
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
    """Yield a folder for a cluster, removed afterwards.

    Not under pytest's folder: only its owner may enter that one, and as root the server runs as
    somebody else. A short path, too: a socket's may have 107 characters.
    """
    folder = Path(tempfile.mkdtemp(prefix="osteoscreen-pg-"))
    try:
        yield folder
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
