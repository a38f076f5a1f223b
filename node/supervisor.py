"""`osteoscreen serve`: the roles as processes, started again with back-off when they die."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import structlog

from node.app import Role
from node.config import Config
from node.domain.errors import Misconfigured
from node.domain.retry import RetryPolicy, wait

LIFELINE = "OSTEOSCREEN_LIFELINE"
"""Environment variable with the descriptor of a pipe that closes when the supervisor is gone."""

_BACK_OFF = RetryPolicy(attempts=1, first=0.5, cap=30.0)
_STABLE_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_DRAIN_MARGIN = 15.0
_PORT_PATIENCE = 10.0
_MISCONFIGURED = 2

log = structlog.get_logger()


@dataclass(slots=True)
class _Child:
    role: Role
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = 0.0


def roles_of(config: Config) -> list[Role]:
    """Return the role of each process that a configuration asks for."""
    return [Role.UPKEEP, Role.ANALYSE, Role.DELIVER] + [Role.INGEST] * config.dicom.processes


def claim_port(config: Config, stop: threading.Event) -> None:
    """Raise Misconfigured where another program listens on our port.

    The ingest processes share their port, so that a second node on it would go unnoticed, and
    films would end now in one, now in the other. A node that was just killed may need a moment.
    """
    address = (config.dicom.bind, config.dicom.port)
    deadline = monotonic() + _PORT_PATIENCE
    while True:
        try:
            family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
            return
        except OSError as error:
            if monotonic() > deadline or stop.wait(_LOOK_SECONDS):
                raise Misconfigured(
                    f"dicom.port: cannot listen on {address[0]}:{address[1]}: {error.strerror}; "
                    "end the program that uses it, or set another port or bind address"
                ) from None


def supervise(config: Config, config_file: Path | None, stop: threading.Event) -> int:
    """Run every role until `stop` is set; return the exit status for the command."""
    command = [sys.executable, "-m", "node.cli", "serve"]
    command += ["--config", str(config_file)] if config_file else []
    watched, held = os.pipe()
    children = [_Child(role) for role in roles_of(config)]
    status = 0
    try:
        while not stop.is_set():
            for child in children:
                status = max(status, _tend(child, command, watched))
            if status:
                stop.set()
            stop.wait(_LOOK_SECONDS)
    finally:
        _end(children, config.dicom.dimse_timeout + _DRAIN_MARGIN)
        os.close(watched)
        os.close(held)
    return status


def watch_lifeline(stop: threading.Event) -> bool:
    """In a supervised process: set `stop` when the supervisor is gone, even by kill -9.

    Returns whether there is a supervisor.
    """
    descriptor = os.environ.get(LIFELINE)
    if descriptor is None:
        return False

    def watch() -> None:
        os.read(int(descriptor), 1)  # returns only when the other end is closed
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    return True


def _tend(child: _Child, command: Sequence[str], lifeline: int) -> int:
    """Start a child that is due, note one that has died; return a status that ends it all."""
    now = monotonic()
    if child.process is None:
        if now >= child.due:
            child.process = _spawn(child.role, command, lifeline)
            child.started = now
        return 0
    code = child.process.poll()
    if code is None:
        return 0
    # Its first start says what is wrong with the configuration. What has run before, and now
    # finds a damaged bundle, is no reason to receive no more films: it waits to be mended.
    if code == _MISCONFIGURED and child.failures == 0:
        return code
    child.failures = 1 if now - child.started > _STABLE_SECONDS else child.failures + 1
    pause = wait(child.failures, _BACK_OFF, jitter=1.0)
    log.error("role_died", ended_role=str(child.role), status=code, restart_in=pause)
    child.process, child.due = None, now + pause
    return 0


def _spawn(role: Role, command: Sequence[str], lifeline: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and arguments, no shell
        [*command, "--role", str(role)],
        env=os.environ | {LIFELINE: str(lifeline)},
        pass_fds=(lifeline,),
        stdin=subprocess.DEVNULL,
    )


def _end(children: Sequence[_Child], patience: float) -> None:
    """Ask every child to end, and kill what has not ended in time."""
    running = [child.process for child in children if child.process is not None]
    for process in running:
        process.send_signal(signal.SIGTERM)
    deadline = monotonic() + patience
    for process in running:
        try:
            process.wait(max(0.0, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            log.error("role_killed", pid=process.pid)
            process.kill()
            process.wait()
