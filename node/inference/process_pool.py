"""Processes for work that may crash or hang, such as decoders written in C.

If a process dies, only its own task fails, and a new process replaces it. The reasons for this
module are in docs/adr/0003-own-decoder-processes.md.
"""

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, Generic, Self, TypeVar

from node import log

# "fork" is unsafe: torch runs threads in the parent, and a forked child could inherit locks.
_processes = multiprocessing.get_context("spawn")

Result = TypeVar("Result")


class ProcessLost(Exception):
    """A task crashed its process or reached its time limit; the message states the cause."""


class ProcessPool(Generic[Result]):
    """A pool of `count` processes that run `work`; if all processes are busy, a caller waits.

    Arguments and results must be picklable. `time_limit` is in seconds for each call.
    `memory_limit` is in bytes of address space for each process; None: no limit.
    """

    def __init__(
        self,
        work: Callable[..., Result],
        count: int,
        time_limit: float,
        memory_limit: int | None = None,
    ) -> None:
        self._processes = [_WorkerProcess(work, time_limit, memory_limit) for _ in range(count)]
        self._idle: SimpleQueue[_WorkerProcess[Result]] = SimpleQueue()
        for process in self._processes:
            self._idle.put(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start all processes now, so that no call has to wait for a start."""
        for process in self._processes:
            process.start()

    def call(self, *arguments: Any) -> Result:
        """Run `work` in an idle process; return its result or raise its exception.

        Raises ProcessLost if the process crashed or reached the time limit. Threads may share a
        pool.
        """
        process = self._idle.get()
        try:
            return process.call(*arguments)
        finally:
            self._idle.put(process)

    def kill(self) -> None:
        """End all processes without waiting for their tasks."""
        for process in self._processes:
            process.kill()


class _WorkerProcess(Generic[Result]):
    """A process and the pipe to this process, for use by one thread at a time."""

    def __init__(
        self, work: Callable[..., Result], time_limit: float, memory_limit: int | None
    ) -> None:
        self._work = work
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection

    def start(self) -> None:
        """Start the process if it does not run, and do not wait until the process is ready."""
        if self._process is not None and self._process.is_alive():
            return
        self._connection, child_connection = _processes.Pipe()
        self._process = _processes.Process(
            target=_serve, args=(child_connection, self._work, self._memory_limit), daemon=True
        )
        self._process.start()
        child_connection.close()  # so the pipe ends when the child dies

    def call(self, *arguments: Any) -> Result:
        self.start()  # the process may have been killed while it was idle
        process = self._process
        assert process is not None  # noqa: S101 - start() has set it
        try:
            self._connection.send(arguments)
            answered = self._connection.poll(self._time_limit)
            if answered:
                result, error = self._connection.recv()
        except (EOFError, OSError):  # the process died, perhaps while it was sending
            process.join()
            raise ProcessLost(f"crashed ({_exit_text(process.exitcode)})") from None
        if not answered:
            self.kill()
            raise ProcessLost(f"took longer than {self._time_limit:g} s")
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()


def _exit_text(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return signal.Signals(-exitcode).name
    return f"exit status {exitcode}"


def _serve(connection: Connection, work: Callable[..., Any], memory_limit: int | None) -> None:
    """Run tasks until the parent closes the pipe or ends."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all processes; only the parent handles it
    if memory_limit is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory_limit, resource.RLIM_INFINITY))
    log.configure("error", "json")
    # Codecs in C print messages to standard error, which contains the log events.
    with open(os.devnull, "wb") as null_device:  # noqa: PTH123 - a device, not a path
        os.dup2(null_device.fileno(), 2)
    try:
        while True:
            connection.send(_outcome(work, connection.recv()))
    except (EOFError, OSError):
        return


def _outcome(work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    try:
        return work(*arguments), None
    except Exception as error:  # noqa: BLE001 - the parent raises it again
        return None, error
