"""The data that a process passes to a new process, or to itself when it executes itself again.

The validated configuration is passed, because the file may change before the new process starts.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import NoReturn

from node.config.settings import Config
from node.domain.config_change import ReloadReport
from node.runtime.roles import IngestPort

CHANNEL = "OSTEOSCREEN_CHANNEL"
"""Environment variable with the descriptor of a connection, whose first data is ProcessStart."""


@dataclass(frozen=True, slots=True)
class ProcessStart:
    """The configuration, and the inherited file descriptors of ingest's socket and of locks.

    `last_reload` is set if a role without a supervisor executed itself again to reload.
    """

    config: Config
    listener: int | None = None
    locks: tuple[int, ...] = ()
    last_reload: ReloadReport | None = None


def inherited_channel() -> Connection | None:
    """Return the connection that this process has inherited, or None if there is none."""
    descriptor = os.environ.pop(CHANNEL, None)
    return None if descriptor is None else Connection(int(descriptor))


def report(channel: Connection, error: str = "") -> None:
    """Report to the supervisor that this role is ready, or the error that ends this role."""
    with suppress(OSError):  # the supervisor has ended
        channel.send(error)


def stop_with_supervisor(
    channel: Connection, stop: threading.Event, port: IngestPort | None
) -> None:
    """Set `stop` when this process is replaced, or when the supervisor ends."""

    def wait_for_end() -> None:
        with suppress(OSError, EOFError):
            channel.recv()  # another process replaces this one
            if port is not None:
                port.handed_over.set()
            stop.set()
            channel.recv()
        if port is not None:
            port.handed_over.clear()
        stop.set()

    threading.Thread(target=wait_for_end, daemon=True).start()


def execute_again(start: ProcessStart) -> NoReturn:
    """Replace this process's program by a new start of the same command."""
    own, inherited = Pipe()
    own.send(start)  # a few kilobytes, which fit into the connection's buffer
    listeners = () if start.listener is None else (start.listener,)
    for descriptor in (inherited.fileno(), *start.locks, *listeners):
        os.set_inheritable(descriptor, True)
    signal.signal(
        signal.SIGHUP, signal.SIG_IGN
    )  # the signal would end the process before its handler is set
    os.environ[CHANNEL] = str(inherited.fileno())
    os.execv(  # noqa: S606 - our own interpreter and arguments
        sys.executable, [sys.executable, "-m", "node.cli", *sys.argv[1:]]
    )
