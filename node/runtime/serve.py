"""`osteoscreen serve`: run the node, or one role, and reload its configuration."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from node import log
from node.config.settings import Config, load
from node.domain.config_change import ProcessReport
from node.domain.errors import OsteoScreenError
from node.ingest.listening_socket import open_listening_socket, require_free_port
from node.runtime.audit_setup import audit_lifetime
from node.runtime.control_socket import ControlSocket, reply
from node.runtime.factories import open_spool, upgrade_schema
from node.runtime.handover import Handover, execute_again, receive_handover
from node.runtime.reload import Reloader
from node.runtime.role_process import supervisor_channel
from node.runtime.roles import IngestPort, Role, run_role
from node.runtime.supervisor import Supervisor

_NODE = "node"
"""The name of the whole node in the audit trail."""
_PORT_SECONDS = 10.0  # a node that was just killed may need a moment to release its port


def serve_node(file: Path | None, config: Config, stop: threading.Event) -> int:
    """Run every role until `stop` is set; return the exit status of the command."""
    signalled = _reload_on_signal(stop)
    _configure_log(config, "supervisor")
    # A fault that concerns every role is reported once, before any of them starts.
    open_spool(config)
    upgrade_schema(config)
    require_free_port(config.dicom.bind, config.dicom.port, _PORT_SECONDS)
    supervisor = Supervisor(config, open_listening_socket(config.dicom.bind, config.dicom.port))
    sockets = ExitStack()

    def replace_processes(new: Config) -> tuple[ProcessReport, ...]:
        if new.spool.path != reloader.config.spool.path:
            # `osteoscreen reload` reads the new file, and looks for the socket in the new spool.
            sockets.enter_context(control.listening(new.spool.path))
        processes = supervisor.replace(new)
        _configure_log(new, "supervisor")
        return processes

    reloader = Reloader(file, _NODE, config, replace_processes)
    control = ControlSocket(_NODE, reloader.answer)
    with (
        audit_lifetime(_NODE, lambda: reloader.config),
        sockets,
        _watching(reloader, stop, signalled),
    ):
        sockets.enter_context(control.listening(config.spool.path))
        return supervisor.run(stop)


def serve_role(role: Role, file: Path | None, stop: threading.Event) -> None:
    """Run one role, without a supervisor, until `stop` is set.

    To reload, the role finishes its work, and the process executes itself again.
    """
    signalled = _reload_on_signal(stop)
    handover = receive_handover()
    config = handover.config if handover else load(file)
    _configure_log(config, role)
    open_spool(config)
    listener = handover.listener if handover else None
    if listener is None and role is Role.INGEST:
        listener = open_listening_socket(config.dicom.bind, config.dicom.port)
    successors: list[Handover] = []
    role_stop = threading.Event()
    threading.Thread(target=_forward, args=(stop, role_stop), daemon=True).start()

    def replace_processes(new: Config) -> tuple[ProcessReport, ...]:
        if new != config:
            successors.append(Handover(new, _listener_for(new, config, listener)))
            role_stop.set()
        return (ProcessReport(role, os.getpid(), replaced=bool(successors)),)

    def answer(name: str, user: str) -> dict[str, Any] | None:
        report = reloader.answer(name, user)
        return None if successors else report  # the successor answers when it is ready

    def ready() -> None:
        for connection in handover.waiting if handover else ():
            reply(connection, asdict(reloader.last))

    reloader = Reloader(
        file, role, config, replace_processes, handover.report if handover else None
    )
    control = ControlSocket(role, answer)
    with (
        audit_lifetime(role, lambda: config),
        control.listening(config.spool.path),
        _watching(reloader, role_stop, signalled),
    ):
        port = None if listener is None else IngestPort(listener)
        run_role(role, config, role_stop, ready, port, alone=True)
    if successors and not stop.is_set():
        execute_again(replace(successors[-1], report=reloader.last, waiting=control.unanswered))


def serve_supervised(role: Role, stop: threading.Event) -> bool:
    """Run a role with the configuration that its supervisor sends, until `stop` is set.

    Returns False at once if the process has no supervisor.
    """
    channel = supervisor_channel()
    if channel is None:
        return False
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the supervisor reloads
    start = channel.receive_start()
    if start is not None:
        config, port = start
        _configure_log(config, role)
        channel.stop_with_supervisor(stop)
        try:
            run_role(role, config, stop, channel.report, port)
        except OsteoScreenError as error:
            channel.report(str(error))
            raise
    return True


def _forward(stop: threading.Event, role_stop: threading.Event) -> None:
    stop.wait()
    role_stop.set()


def _listener_for(
    new: Config, config: Config, listener: socket.socket | None
) -> socket.socket | None:
    """Return the listening socket for a new configuration, None for a role that has none."""
    before, after = config.dicom, new.dicom
    if listener is None or (before.bind, before.port) == (after.bind, after.port):
        return listener
    return open_listening_socket(after.bind, after.port)


@contextmanager
def _watching(
    reloader: Reloader, stop: threading.Event, signalled: threading.Event
) -> Iterator[None]:
    threading.Thread(target=reloader.watch, args=(stop, signalled), daemon=True).start()
    yield


def _configure_log(config: Config, role: str) -> None:
    log.configure(config.log.level, config.log.format, role=role)


def _reload_on_signal(stop: threading.Event) -> threading.Event:
    """Return an event that SIGHUP sets. A terminal sends it on closing: there it sets `stop`."""
    signalled = threading.Event()
    event = stop if sys.stderr.isatty() else signalled
    signal.signal(signal.SIGHUP, lambda *_: event.set())
    return signalled
