"""The data that a role without a supervisor passes to itself when it executes itself again.

The file may change in between. The process therefore keeps the validated configuration, its
listening socket, and the connections of users who wait for the report of the reload.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NoReturn

from node.config.settings import Config
from node.domain.config_change import ReloadReport
from node.runtime.role_process import inherited_listener, pack_config, unpack_config

_HANDOVER = "OSTEOSCREEN_HANDOVER"
"""Environment variable with the descriptor of a file that holds the handover as JSON."""


@dataclass(frozen=True, slots=True)
class Handover:
    """The validated configuration, the listening socket of ingest, and who waits for the report."""

    config: Config
    listener: socket.socket | None
    report: ReloadReport | None = None
    waiting: Sequence[socket.socket] = ()


def execute_again(handover: Handover) -> NoReturn:
    """Replace this process's program by a new start of the same command."""
    inherited = [*handover.waiting, *([] if handover.listener is None else [handover.listener])]
    for connection in inherited:
        connection.set_inheritable(True)
    content = {
        "config": pack_config(handover.config),
        "report": handover.report and asdict(handover.report),
        "listener": None if handover.listener is None else handover.listener.fileno(),
        "waiting": [connection.fileno() for connection in handover.waiting],
    }
    descriptor = os.memfd_create("osteoscreen-handover", 0)  # 0: not closed by exec
    os.write(descriptor, json.dumps(content).encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it would end the process before it is set up
    os.environ[_HANDOVER] = str(descriptor)
    os.execv(  # noqa: S606 - our own interpreter and arguments
        sys.executable, [sys.executable, "-m", "node.cli", *sys.argv[1:]]
    )


def receive_handover() -> Handover | None:
    """Return what this process has passed to itself, None at an ordinary start."""
    descriptor = os.environ.pop(_HANDOVER, None)
    if descriptor is None:
        return None
    with os.fdopen(int(descriptor)) as file:
        content = json.load(file)
    listener = content["listener"]
    return Handover(
        config=unpack_config(content["config"]),
        listener=None if listener is None else inherited_listener(listener),
        report=content["report"] and ReloadReport.from_json(content["report"]),
        waiting=[socket.socket(fileno=number) for number in content["waiting"]],
    )
