"""A role without a supervisor executes its program again to reload, and passes data to itself.

The validated configuration is passed, because the file may change before the program starts.
"""

import os
import signal
import sys
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import NoReturn

from node.config.settings import Config
from node.domain.config_change import ReloadReport

CHANNEL = "OSTEOSCREEN_CHANNEL"
"""Environment variable with the descriptor of a connection, which contains ProcessStart."""


@dataclass(frozen=True, slots=True)
class ProcessStart:
    """The configuration, and the inherited file descriptors of ingest's socket and of locks.

    `last_reload` is the reload for which the role executed its program again; None: first start.
    """

    config: Config
    listener: int | None = None
    locks: tuple[int, ...] = ()
    last_reload: ReloadReport | None = None


def inherited_start() -> ProcessStart | None:
    """Return the data of the program that executed this program, or None for a first start."""
    descriptor = os.environ.pop(CHANNEL, None)
    if descriptor is None:
        return None
    with Connection(int(descriptor)) as channel:
        start: ProcessStart = channel.recv()
    return start


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
