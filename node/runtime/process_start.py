"""The data that a process passes to a new one, or to itself when it executes itself again.

The configuration is passed as validated, because the file may change in between.
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
"""Environment variable with the file descriptor of a connection. It first carries ProcessStart."""


@dataclass(frozen=True, slots=True)
class ProcessStart:
    """The configuration, and the inherited file descriptors of ingest's socket and of locks.

    `last_reload` made a role without a supervisor execute itself again. A supervisor sends None.
    """

    config: Config
    listener: int | None = None
    locks: tuple[int, ...] = ()
    last_reload: ReloadReport | None = None


def inherited_channel() -> Connection | None:
    """Return the connection that this process has inherited, None at an ordinary start."""
    descriptor = os.environ.pop(CHANNEL, None)
    return None if descriptor is None else Connection(int(descriptor))


def report(channel: Connection, error: str = "") -> None:
    """Report to the supervisor that this role is ready, or the error that ends it."""
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
    own.send(start)  # a few kilobytes, which the connection keeps
    listeners = () if start.listener is None else (start.listener,)
    for descriptor in (inherited.fileno(), *start.locks, *listeners):
        os.set_inheritable(descriptor, True)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it would end the process before it is set up
    os.environ[CHANNEL] = str(inherited.fileno())
    os.execv(  # noqa: S606 - our own interpreter and arguments
        sys.executable, [sys.executable, "-m", "node.cli", *sys.argv[1:]]
    )
