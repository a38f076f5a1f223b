"""The supervisor of a node: its roles as processes, started again when they die, and replaced.

It owns the listening socket, which the ingest processes inherit. While one of them is replaced,
connections wait in the socket's queue, so the port never refuses a sender.
"""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic

import structlog

from node.config.settings import Config
from node.domain.config_change import ProcessReport
from node.domain.errors import OsteoScreenError
from node.domain.workflow.retry import RetryPolicy, retry_delay
from node.ingest.listening_socket import open_listening_socket, require_free_port
from node.runtime.replacement import ReplacementStep, RunningProcess, plan_replacement
from node.runtime.role_process import RoleProcess
from node.runtime.roles import Role

_BACK_OFF = RetryPolicy(attempts=1, first=0.5, cap=30.0)
_STABLE_SECONDS = 60.0
_POLL_SECONDS = 0.1
_READY_SECONDS = 180.0  # to load a model on a busy machine
_MISCONFIGURED = 2

log = structlog.get_logger()


@dataclass(slots=True)
class _Member:
    """A process that the node needs; `process` is None while it waits for a restart."""

    role: Role
    config: Config
    process: RoleProcess | None = None
    failures: int = 0
    due: float = 0.0
    error: str = ""
    first_start: bool = False
    replaced: bool = False


class Supervisor:
    """Runs the processes of one node. Only the thread of `run` starts and ends them."""

    def __init__(self, config: Config, listener: socket.socket) -> None:
        self._config = config
        self._listener = listener
        self._members: list[_Member] = []
        self._ending: list[RoleProcess] = []
        self._requests: SimpleQueue[_Request] = SimpleQueue()
        self._stop = threading.Event()

    def run(self, stop: threading.Event) -> int:
        """Run every role until `stop` is set; return the exit status of the command."""
        self._stop = stop
        self._members = [
            _Member(step.role, self._config, first_start=step.role is not Role.CHALLENGER)
            for step in plan_replacement((), self._config)
        ]
        try:
            while not stop.is_set():
                if status := self._supervise():
                    return status
                self._work_off_requests()
                stop.wait(_POLL_SECONDS)
            return 0
        finally:
            stop.set()
            self._end_all()

    def replace(self, config: Config) -> tuple[ProcessReport, ...]:
        """Replace the processes that use another configuration; return a report of each process.

        Any thread may call this. Raises Misconfigured, before any process is replaced, if the
        configured port cannot be had.
        """
        before = self._config.dicom
        listener = self._listener
        if (config.dicom.bind, config.dicom.port) != (before.bind, before.port):
            if config.dicom.port != before.port:
                require_free_port(config.dicom.bind, config.dicom.port, seconds=0)
            listener = open_listening_socket(config.dicom.bind, config.dicom.port)
        request = _Request(config, listener)
        self._requests.put(request)
        while not self._stop.is_set():
            try:
                return request.answer.result(_POLL_SECONDS)
            except TimeoutError:
                continue
        raise OsteoScreenError("the node was stopped before the reload had ended")

    def _supervise(self) -> int:
        """Start due processes, note dead ones; return an exit status that ends the node, or 0."""
        self._ending = [
            process for process in self._ending if process.poll() is None and not _killed(process)
        ]
        return max((self._supervise_member(member) for member in self._members), default=0)

    def _supervise_member(self, member: _Member) -> int:
        now = monotonic()
        if member.process is None:
            if now >= member.due:
                member.process = self._start(member.role)
                member.config = self._config
            return 0
        status = member.process.poll()
        if status is None:
            if member.process.ready and member.config is self._config:
                member.error, member.first_start = "", False
            return 0
        member.error = member.process.error()
        # A configuration that a role cannot use ends the node at its first start. A role that has
        # run before and now finds, say, a damaged bundle does not: films must still be received.
        if status == _MISCONFIGURED and member.first_start:
            return status
        stable = now - member.process.started > _STABLE_SECONDS
        member.failures = 1 if stable else member.failures + 1
        pause = retry_delay(member.failures, _BACK_OFF, jitter=1.0)
        log.error("role_died", ended_role=str(member.role), status=status, restart_in=pause)
        member.process, member.due, member.first_start = None, now + pause, False
        return 0

    def _start(self, role: Role) -> RoleProcess:
        return RoleProcess(role, self._config, self._listener if role is Role.INGEST else None)

    def _work_off_requests(self) -> None:
        try:
            request = self._requests.get_nowait()
        except Empty:
            return
        previous = self._listener
        if request.config != self._config:
            self._config = request.config
        self._listener = request.listener
        self._replace_members()
        if previous is not self._listener:
            previous.close()
        request.answer.set_result(tuple(map(_report, self._members)))

    def _replace_members(self) -> None:
        """Carry out the plan, then wait until every process is ready or has failed."""
        members = list(self._members)
        for member in members:
            member.replaced = False
        running = [RunningProcess(member.role, member.config) for member in members]
        for step in plan_replacement(running, self._config):
            if not self._stop.is_set():
                self._carry_out(step, None if step.ends is None else members[step.ends])
        self._wait(
            lambda: all(m.process is None or m.process.ready for m in self._members),
            _READY_SECONDS,
        )

    def _carry_out(self, step: ReplacementStep, old: _Member | None) -> None:
        if old is not None and step.ends_first:
            self._end(old, replaced=False)
            process = old.process
            self._wait(lambda: process not in self._ending, float("inf"))
        if not step.starts:
            return
        process = self._start(step.role)
        new = _Member(step.role, self._config, process, replaced=True)
        self._wait(lambda: process.ready or process.poll() is not None, _READY_SECONDS)
        if not process.ready and not self._stop.is_set():
            new.error = process.error()
            log.error("role_not_replaced", replaced_role=str(step.role), error=new.error)
            if old is not None and not step.ends_first and old.process is not None:
                old.error = f"still runs with the previous configuration: {new.error}"
                process.terminate()
                self._ending.append(process)
                return
        self._members.append(new)
        if old is not None and not step.ends_first:
            self._end(old, replaced=True)

    def _end(self, member: _Member, *, replaced: bool) -> None:
        """Ask a process to finish its work and end. A replaced process may take longer."""
        self._members.remove(member)
        if member.process is None:
            return
        if replaced:
            member.process.retire()
        else:
            member.process.terminate()
        self._ending.append(member.process)

    def _wait(self, until: Callable[[], bool], seconds: float) -> None:
        """Supervise the processes until a condition holds, the time is over, or the node stops."""
        deadline = monotonic() + seconds
        while not until() and monotonic() < deadline and not self._stop.wait(_POLL_SECONDS):
            if self._supervise():
                return

    def _end_all(self) -> None:
        """Ask every process to end, and kill those that do not end in time."""
        processes = [member.process for member in self._members if member.process is not None]
        self._ending += processes
        for process in self._ending:
            if process.poll() is None:
                process.terminate()
        while self._ending:
            self._ending = [p for p in self._ending if p.poll() is None and not _killed(p)]
            threading.Event().wait(_POLL_SECONDS)


class _Request:
    """A configuration that every process is to use, with the socket that belongs to it."""

    def __init__(self, config: Config, listener: socket.socket) -> None:
        self.config = config
        self.listener = listener
        self.answer: Future[tuple[ProcessReport, ...]] = Future()


def _killed(process: RoleProcess) -> bool:
    if process.kill_if_overdue():
        log.error("role_killed", pid=process.pid)
        return True
    return False


def _report(member: _Member) -> ProcessReport:
    error = member.error
    if not error and member.process is not None:
        error = member.process.error()
    pid = None if member.process is None else member.process.pid
    return ProcessReport(str(member.role), pid, member.replaced, error)
