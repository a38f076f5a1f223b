"""The supervisor of a node, which starts, restarts and replaces the processes of the roles.

The supervisor opens the listening socket, which ingest processes inherit. While an ingest process
is replaced, connections wait in the socket's queue, so the port never refuses a sender.
"""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from weakref import WeakSet

import structlog

from node.config.settings import Config
from node.domain.config_change import ProcessReport
from node.domain.errors import OsteoScreenError
from node.ingest.listening_socket import listen_again, require_free_port
from node.runtime.replacement import ReplacementStep, plan_replacement
from node.runtime.role_process import RoleProcess, SupportsClose
from node.runtime.roles import Role

_POLL_SECONDS = 0.1
_READY_SECONDS = 180.0  # enough to load a model on a busy machine
_MISCONFIGURED = 2

log = structlog.get_logger()


@dataclass
class Supervisor:
    """Runs the processes of one node until `stop` is set; the roles do not inherit `locks`."""

    config: Config
    listener: socket.socket
    stop: threading.Event
    locks: Iterable[SupportsClose]
    _previous_listener: socket.socket | None = field(default=None, init=False)
    _started: WeakSet[RoleProcess] = field(default_factory=WeakSet, init=False)
    _processes: list[RoleProcess] = field(default_factory=list, init=False)
    _ending: list[RoleProcess] = field(default_factory=list, init=False)
    _first_starts: set[RoleProcess] = field(default_factory=set, init=False)

    def run(self, step: Callable[[], None]) -> int:
        """Run every role, and call `step` several times a second; return the exit status."""
        try:
            for first_step in plan_replacement((), self.config):
                self._processes.append(self._start(first_step.role))
            # A role that cannot use the configuration ends the node, but only at its first start:
            # afterwards, the node must still receive films.
            self._first_starts = {p for p in self._processes if p.role is not Role.CHALLENGER}
            while not self.stop.wait(_POLL_SECONDS):
                if status := self._supervise():
                    return status
                step()
            return 0
        finally:
            self._end_all()

    def replace(self, config: Config) -> tuple[ProcessReport, ...]:
        """Replace the processes that use another configuration; return a report of each process.

        Raises Misconfigured, without replacing a process, if the configured port is in use. Raises
        OsteoScreenError if the node is stopped during the replacement.
        """
        previous = self._previous_listener = self.listener
        if config.dicom.port != self.config.dicom.port:
            require_free_port(config.dicom.bind, config.dicom.port, seconds=0)
        self.listener = listen_again(previous, self.config.dicom, config.dicom)
        self.config = config
        processes = list(self._processes)
        for process in processes:
            process.replaced = False
        running = [(process.role, process.config) for process in processes]
        for step in plan_replacement(running, config):
            self._carry_out(step, None if step.ends is None else processes[step.ends])
        self._wait(
            lambda: all(p.ready or p.poll() is not None for p in self._processes), _READY_SECONDS
        )
        if previous is not self.listener:
            previous.close()
        self._previous_listener = None
        if self.stop.is_set():
            raise OsteoScreenError("the node was stopped before the reload had ended")
        return tuple(process.report(config) for process in self._processes)

    def _start(self, role: Role) -> RoleProcess:
        process = RoleProcess(role, self.config, self.listener, self.stop, self._files)
        self._started.add(process)
        return process

    def _files(self) -> Iterator[SupportsClose]:
        """Yield the open files of the supervisor."""
        yield from self.locks
        yield self.listener
        if self._previous_listener is not None:
            yield self._previous_listener
        for process in self._started:
            yield process.channel

    def _supervise(self) -> int:
        """Restart dead processes that are due; return an exit status that ends the node, or 0."""
        self._ending = [process for process in self._ending if not process.has_ended()]
        return max((self._supervise_process(process) for process in self._processes), default=0)

    def _supervise_process(self, process: RoleProcess) -> int:
        status = process.poll()
        if process.ready:
            self._first_starts.discard(process)
        if process.restart_at is not None:
            if monotonic() >= process.restart_at:
                process.start(self.config, self.listener)
        elif status is not None:
            if status == _MISCONFIGURED and process in self._first_starts:
                return status
            self._first_starts.discard(process)
            pause = process.plan_restart()
            log.error("role_died", ended_role=str(process.role), status=status, restart_in=pause)
        return 0

    def _carry_out(self, step: ReplacementStep, old: RoleProcess | None) -> None:
        """Replace, start or end one process, unless the node is being stopped."""
        if old is not None and step.ends_first:
            self._processes.remove(old)
            self._end(old, RoleProcess.terminate)
            self._wait(lambda: old not in self._ending, float("inf"))
        if self.stop.is_set() or not step.starts:
            return
        new = self._start(step.role)
        new.replaced = True
        self._wait(lambda: new.ready or new.poll() is not None, _READY_SECONDS)
        if not new.ready and not self.stop.is_set():
            error = new.report(self.config).error
            log.error("role_not_replaced", replaced_role=str(step.role), error=error)
            if old is not None and not step.ends_first and old.poll() is None:
                old.successor_error = error
                self._end(new, RoleProcess.terminate)
                return
        self._processes.append(new)
        if old is not None and not step.ends_first:
            self._processes.remove(old)
            self._end(old, RoleProcess.retire)

    def _end(self, process: RoleProcess, end: Callable[[RoleProcess], None]) -> None:
        if process.poll() is None:
            end(process)
            self._ending.append(process)

    def _wait(self, until: Callable[[], bool], seconds: float) -> None:
        """Supervise processes until a condition is true, the time is over, or the node stops."""
        deadline = monotonic() + seconds
        while not until() and monotonic() < deadline and not self.stop.wait(_POLL_SECONDS):
            if self._supervise():
                return

    def _end_all(self) -> None:
        """Ask every process to end, and kill processes that do not end in time."""
        self._ending += self._processes
        for process in self._ending:
            if process.poll() is None:
                process.terminate()
        while self._ending:
            self._ending = [process for process in self._ending if not process.has_ended()]
            threading.Event().wait(_POLL_SECONDS)
