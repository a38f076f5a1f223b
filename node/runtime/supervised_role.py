"""A role in a process that the supervisor has forked.

The process reports through a channel that it is ready, or its error. It ends when another process
replaces it, after SIGTERM, and when the supervisor ends, even by kill -9.
"""

import signal
import socket
import sys
import threading
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from types import ModuleType
from typing import NoReturn

import structlog
from setproctitle import setproctitle

from node.config.settings import Config
from node.domain.errors import Misconfigured, OsteoScreenError
from node.log import configure, describe_unexpected
from node.runtime.roles import IngestPort, Role, run_role

log = structlog.get_logger()


def run_supervised(
    role: Role,
    config: Config,
    stop: threading.Event,
    channel: Connection,
    listener: socket.socket | None,
) -> NoReturn:
    """Run one role in this forked process; exit with 0, 1, or 2 if the configuration is unusable.

    `listener` is ingest's socket.
    """
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the supervisor reloads
        # Otherwise, each decoder would run the script that started the supervisor.
        sys.modules["__main__"] = ModuleType("__main__")
        setproctitle(f"osteoscreen serve --role {role}")
        configure(config.log.level, config.log.format, role=role)
        port = None
        if listener is not None:
            listener.setblocking(False)  # several processes wait for the same connection
            port = IngestPort(listener)
        stop_with_supervisor(channel, stop, port)
        run_role(role, config, stop, partial(report, channel), port)
    except OsteoScreenError as error:
        _fail(channel, str(error), 2 if isinstance(error, Misconfigured) else 1)
    except Exception as error:  # noqa: BLE001 - the boundary of the process
        _fail(channel, describe_unexpected(error), 1)
    sys.exit(0)


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


def _fail(channel: Connection, error: str, status: int) -> NoReturn:
    report(channel, error)
    log.error("role_failed", error=error)
    sys.exit(status)
