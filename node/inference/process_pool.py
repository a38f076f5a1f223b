"""A process of its own for work that may crash or hang, such as decoders written in C.

It is replaced when it dies. The executors of the standard library lose everything under way
when one process dies, and cannot say which task killed it.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from node import log

# Never a fork: the parent has torch's threads, and a forked child could inherit their locks.
_processes = multiprocessing.get_context("spawn")

Answer = TypeVar("Answer")


class Lost(Exception):
    """The work ended its process, or had to be ended; the message says how."""


class Child(Generic[Answer]):
    """One process that calls `work` for who asks; not for several threads at once.

    `work`, its arguments and its answers travel by pickle. `patience` is in seconds for one call.
    """

    def __init__(self, work: Callable[..., Answer], patience: float) -> None:
        self._work = work
        self._patience = patience
        self._process: multiprocessing.process.BaseProcess | None = None
        self._line: Connection

    def start(self) -> None:
        """Start the process, unless it runs. It gets ready while the caller does other things."""
        if self._process is not None and self._process.is_alive():
            return
        self._line, far = _processes.Pipe()
        self._process = _processes.Process(target=_serve, args=(far, self._work), daemon=True)
        self._process.start()
        far.close()  # so that the child's death ends the line

    def ask(self, *arguments: Any) -> Answer:
        """Return what the work returns, or raise what it raises; raise Lost if it is lost."""
        self.start()  # one that was killed while it was idle is no task's fault
        process = self._process
        assert process is not None  # noqa: S101 - just started
        try:
            self._line.send(arguments)
            if self._line.poll(self._patience):
                outcome: tuple[Answer, Exception | None] = self._line.recv()
                if outcome[1] is not None:
                    raise outcome[1]
                return outcome[0]
        except (EOFError, ConnectionError):
            process.join()
            raise Lost(f"crashed ({_end_of(process.exitcode)})") from None
        self.kill()
        raise Lost(f"took longer than {self._patience:g} s")

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()


class Children(Generic[Answer]):
    """So many of them for the same work; as many threads may ask at once, more wait."""

    def __init__(self, work: Callable[..., Answer], count: int, patience: float) -> None:
        self._all = [Child(work, patience) for _ in range(count)]
        self._idle: SimpleQueue[Child[Answer]] = SimpleQueue()
        for child in self._all:
            self._idle.put(child)

    def start(self) -> None:
        """Start every process, so that none has to be waited for."""
        for child in self._all:
            child.start()

    def ask(self, *arguments: Any) -> Answer:
        """Have one that is idle asked; see `Child.ask`."""
        child = self._idle.get()
        try:
            return child.ask(*arguments)
        finally:
            self._idle.put(child)

    def kill(self) -> None:
        """End every process at once."""
        for child in self._all:
            child.kill()


def _end_of(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return signal.Signals(-exitcode).name
    return f"exit status {exitcode}"


def _serve(line: Connection, work: Callable[..., Any]) -> None:
    """Do what is asked for until the line ends: the parent is done, or dead."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent acts
    log.configure("error", "json")
    # Codecs in C write their complaints to standard error, among our events.
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path
        os.dup2(nowhere.fileno(), 2)
    try:
        while True:
            line.send(_outcome(work, line.recv()))
    except (EOFError, OSError):
        return


def _outcome(work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    try:
        return work(*arguments), None
    except Exception as error:  # noqa: BLE001 - raised again on the other side
        return None, error
