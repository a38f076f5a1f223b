"""A role as a child process of the supervisor.

Through a channel, the role reports that it is ready, or its error, and the supervisor asks the role
to retire. The channel closes when the supervisor terminates the role or ends, even by kill -9. The
role then ends. docs/adr/0008-roles-are-forked.md explains why the process is forked.
"""

import multiprocessing
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection
from time import monotonic
from typing import Protocol

import structlog

from node.config.settings import Config
from node.domain.config_change import ProcessReport
from node.domain.workflow.retry import RetryPolicy, retry_delay
from node.runtime.roles import Role
from node.runtime.supervised_role import run_supervised

_processes = multiprocessing.get_context("fork")
_BACK_OFF = RetryPolicy(attempts=1, first=0.5, cap=30.0)
_STABLE_SECONDS = 60.0
_RETIRE_SECONDS = 600.0
_DRAIN_MARGIN = 15.0  # seconds that a role has to end after `dicom.dimse_timeout`

log = structlog.get_logger()


class SupportsClose(Protocol):
    """An open file, lock, socket or connection."""

    def close(self) -> None:
        """Close this process's copy; closing again does nothing."""


class RoleProcess:
    """One role in its own process, which is started again after a crash, until `stop` is set.

    The forked process closes `supervisor_files`. An open copy would keep a lock, a port, or the
    channel of another role alive after the supervisor has ended.

    `replaced` is true if the last reload started this process. `successor_error` is the error of
    the process that should have replaced this process. `restart_at` is the monotonic time of the
    next start, or None while the process runs.
    """

    def __init__(
        self,
        role: Role,
        config: Config,
        listener: socket.socket,
        stop: threading.Event,
        supervisor_files: Callable[[], Iterable[SupportsClose]],
    ) -> None:
        self.role = role
        self._stop = stop
        self._supervisor_files = supervisor_files
        self.replaced = False
        self.successor_error = ""
        self._failures = 0
        self._error = ""
        self.start(config, listener)

    def start(self, config: Config, listener: socket.socket) -> None:
        """Start the process; an ingest process inherits the listening socket."""
        self.config = config
        self.ready = False
        self.restart_at: float | None = None
        self._started = monotonic()
        self._deadline = float("inf")
        self._retiring = False
        self.channel, role_end = _processes.Pipe()
        inherited = listener if self.role is Role.INGEST else None
        process = _processes.Process(target=self._run, args=(role_end, inherited))
        with role_end:
            process.start()
        self._process = process

    def _run(self, channel: Connection, listener: socket.socket | None) -> None:
        """Run the role in the forked process, whose copy of `stop` is set by SIGTERM."""
        for file in (self.channel, *self._supervisor_files()):
            if file is not listener:
                file.close()
        run_supervised(self.role, self.config, self._stop, channel, listener)

    def poll(self) -> int | None:
        """Read the role's reports; return its exit status, or None while the role runs."""
        status = self._process.exitcode
        with suppress(OSError, EOFError):  # one of the two ends is closed
            while self.channel.poll():
                self._error = self.channel.recv()
                self.ready = not self._error
        if status is not None:
            self.channel.close()
        return status

    def report(self, config: Config) -> ProcessReport:
        """Return the process's state, with an error unless the process uses the configuration."""
        status = self.poll()
        if self.config != config:
            error = f"still runs with the previous configuration: {self.successor_error}"
        elif self.ready and status is None:
            error = ""
        else:
            end = "not started yet" if status is None else f"ended with status {status}"
            error = self._error or f"{end}; see its log"
        pid = self._process.pid if status is None else None
        return ProcessReport(str(self.role), pid, self.replaced, error)

    def plan_restart(self) -> float:
        """Schedule the next start of a dead process; return the seconds until this start."""
        now = monotonic()
        stable = now - self._started > _STABLE_SECONDS
        self._failures = 1 if stable else self._failures + 1
        pause = retry_delay(self._failures, _BACK_OFF, jitter=1.0)
        self.restart_at = now + pause
        return pause

    def retire(self) -> None:
        """Ask a replaced role to finish its work and end, which may take minutes."""
        self._retiring = True
        self._deadline = monotonic() + _RETIRE_SECONDS
        with suppress(OSError):
            self.channel.send(None)

    def terminate(self) -> None:
        """Ask the role to end; open associations may continue for `dicom.dimse_timeout` seconds."""
        self._retiring = False
        self._deadline = monotonic() + self.config.dicom.dimse_timeout + _DRAIN_MARGIN
        self.channel.close()
        self._process.terminate()

    def has_ended(self) -> bool:
        """Return whether the role has ended; at the deadline, terminate the role or kill it."""
        if self.poll() is not None:
            return True
        if monotonic() < self._deadline:
            return False
        if self._retiring:
            self.terminate()
            return False
        self._process.kill()
        self._process.join()
        log.error("role_killed", pid=self._process.pid)
        return True
