"""`osteoscreen serve`: the roles as processes, started again with back-off when they die."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import structlog

from node.config.settings import Config
from node.domain.config_change import RoleAnswer
from node.domain.errors import Misconfigured
from node.domain.workflow.retry import RetryPolicy, wait
from node.runtime.reload.supervisor_channel import LIFELINE, Lifeline
from node.runtime.roles import Role

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
    line: Lifeline | None = None
    started: float = 0.0
    failures: int = 0
    due: float = 0.0
    replaced: bool = False


def roles_of(config: Config) -> list[Role]:
    """Return the role of each process that a configuration asks for."""
    challenger = [Role.CHALLENGER] if config.challenger is not None else []
    roles = [Role.MAINTENANCE, Role.ANALYSE, Role.DELIVER, *challenger]
    return roles + [Role.INGEST] * config.dicom.processes


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


class Supervisor:
    """The roles of one node, each a process that works by the configuration in force here."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._children = [_Child(role) for role in roles_of(config)]
        self._lock = threading.Lock()

    def run(self, stop: threading.Event) -> int:
        """Run every role until `stop` is set; return the exit status for the command."""
        status = 0
        try:
            while not stop.is_set():
                for child in self._children:
                    status = max(status, self._tend(child))
                if status:
                    stop.set()
                stop.wait(_LOOK_SECONDS)
        finally:
            _end(self._children, self._config.dicom.dimse_timeout + _DRAIN_MARGIN)
        return status

    def put_in_force(self, config: Config) -> tuple[RoleAnswer, ...]:
        """Replace each role by one that uses another configuration."""
        with self._lock:
            self._config = config
            for child in self._children:
                if child.process is not None:
                    child.replaced = True
                    child.process.send_signal(signal.SIGTERM)
        return tuple(RoleAnswer(str(child.role)) for child in self._children)

    def _tend(self, child: _Child) -> int:
        """Start a child that is due, note one that has died; return a status that ends it all."""
        now = monotonic()
        if child.process is None:
            if now >= child.due:
                self._start(child)
                child.started = now
            return 0
        code = child.process.poll()
        if code is None:
            return 0
        if child.replaced:
            child.process, child.due, child.replaced = None, now, False
            return 0
        # Its first start says what is wrong with the configuration. What has run before, and now
        # finds a damaged bundle, is no reason to receive no more films: it waits to be mended. Nor
        # is a challenger that never ran: nobody waits for what it says.
        if code == _MISCONFIGURED and child.failures == 0 and child.role is not Role.CHALLENGER:
            return code
        child.failures = 1 if now - child.started > _STABLE_SECONDS else child.failures + 1
        pause = wait(child.failures, _BACK_OFF, jitter=1.0)
        log.error("role_died", ended_role=str(child.role), status=code, restart_in=pause)
        child.process, child.due = None, now + pause
        return 0

    def _start(self, child: _Child) -> None:
        """Start a role, with the configuration in force: never between two that are."""
        with self._lock:
            if child.line is not None:
                child.line.close()
            child.line = line = Lifeline()
            child.process = _spawn(child.role, line.theirs)
            line.started()
            line.give(self._config)


def _spawn(role: Role, lifeline: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and arguments, no shell
        [sys.executable, "-m", "node.cli", "serve", "--role", str(role)],
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
