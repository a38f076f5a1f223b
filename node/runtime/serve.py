"""`osteoscreen serve`: run the node, or one role, and reload its configuration."""

import os
import signal
import socket
import sys
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

from node import log
from node.audit.lifecycle import audit_lifetime
from node.config.settings import Config, load
from node.domain.config_change import ProcessReport, ReloadReport
from node.ingest.listening_socket import listen_again, open_listening_socket, require_free_port
from node.runtime.control_folder import ControlFolder
from node.runtime.factories import open_spool, upgrade_schema
from node.runtime.process_start import ProcessStart, execute_again, inherited_start
from node.runtime.reload import Reloader, require_usable
from node.runtime.roles import IngestPort, Role, run_role
from node.runtime.supervisor import Supervisor

_NODE = "node"
"""The name of a node with all roles in the audit trail."""
_PORT_SECONDS = 10.0  # a node that was just killed may need a moment to release its port
_POLL_SECONDS = 0.5


def serve_node(file: Path | None, config: Config, stop: threading.Event) -> int:
    """Run every role until `stop` is set; return the exit status of the command."""
    signalled = _reload_on_signal(stop)
    _configure_log(config, "supervisor")
    # A fault is reported once, before a role starts.
    require_usable(config)
    open_spool(config)
    upgrade_schema(config)
    require_free_port(config.dicom.bind, config.dicom.port, _PORT_SECONDS)
    listener = open_listening_socket(config.dicom.bind, config.dicom.port)
    control = ControlFolder(_NODE, file)
    supervisor = Supervisor(config, listener, stop, control.locks)

    def replace_processes(new: Config) -> tuple[ProcessReport, ...]:
        processes = supervisor.replace(new)
        _configure_log(new, "supervisor")
        return processes

    with closing(control):
        last = ReloadReport(control.file, _NODE, os.getpid())
        reloader = Reloader(file, config, last, replace_processes, control, stop)
        with audit_lifetime(_NODE, lambda: reloader.config):
            control.open(config.spool.path)
            return supervisor.run(partial(reloader.step, signalled))


def serve_role(role: Role, file: Path | None, stop: threading.Event) -> None:
    """Run one role without a supervisor until `stop` is set.

    To reload, the process executes its program again.
    """
    start = inherited_start() or ProcessStart(load(file))
    signalled = _reload_on_signal(stop)
    config = start.config
    _configure_log(config, role)
    open_spool(config)
    listener = None
    if start.listener is not None:
        listener = _inherited_socket(start.listener)
    elif role is Role.INGEST:
        listener = open_listening_socket(config.dicom.bind, config.dicom.port)
    port = None if listener is None else IngestPort(listener)
    role_stop, ready = threading.Event(), threading.Event()

    def replace_processes(new: Config) -> tuple[ProcessReport, ...]:
        nonlocal listener
        if new != config:
            listener = listener and listen_again(listener, config.dicom, new.dicom)
            role_stop.set()
        replaced = start.last_reload is not None
        return (ProcessReport(role, os.getpid(), replaced),)

    def watch() -> None:
        while not stop.wait(_POLL_SECONDS) and not role_stop.is_set():
            if ready.is_set():
                reloader.step(signalled)
        role_stop.set()

    with closing(ControlFolder(role, file)) as control:
        control.open(config.spool.path)
        for lock in start.locks:
            os.close(lock)
        last = start.last_reload or ReloadReport(control.file, role, os.getpid())
        reloader = Reloader(file, config, last, replace_processes, control, role_stop)
        watcher = threading.Thread(target=watch, daemon=True)
        with audit_lifetime(role, lambda: config):
            watcher.start()
            run_role(role, config, role_stop, ready.set, port, alone=True)
        watcher.join()
        if reloader.config != config and not stop.is_set():
            descriptor = None if listener is None else listener.fileno()
            execute_again(
                ProcessStart(
                    reloader.config,
                    descriptor,
                    tuple(lock.fileno() for lock in control.locks),
                    reloader.last,
                )
            )


def _inherited_socket(descriptor: int) -> socket.socket:
    listener = socket.socket(fileno=descriptor)
    listener.setblocking(False)  # several processes wait for the same connection
    return listener


def _configure_log(config: Config, role: str) -> None:
    log.configure(config.log.level, config.log.format, role=role)


def _reload_on_signal(stop: threading.Event) -> threading.Event:
    """Return an event that SIGHUP sets; in a terminal, SIGHUP sets `stop` and not this event."""
    signalled = threading.Event()
    event = stop if sys.stderr.isatty() else signalled
    signal.signal(signal.SIGHUP, lambda *_: event.set())
    return signalled
