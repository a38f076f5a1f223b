"""`osteoscreen serve`: the node, or one role of it, and the configuration that it works by."""

import os
import signal
import sys
import threading
from pathlib import Path

from node import log
from node.config.settings import Config
from node.domain.config_change import RoleAnswer
from node.runtime.audit_setup import audit_of, audited
from node.runtime.factories import open_spool, upgrade_schema
from node.runtime.reload.file_watcher import Reloader, reloading
from node.runtime.reload.supervisor_channel import role_end
from node.runtime.roles import Role, run_role
from node.runtime.supervisor import Supervisor, claim_port

_NODE = "node"
"""What the audit trail calls the whole node."""


def serve_node(file: Path | None, settings: Config, stop: threading.Event) -> int:
    """Run every role until `stop` is set; return the exit status for the command."""
    asked = _asked_by_signal(stop)
    _log(settings, "supervisor")
    # What is wrong for every role is said once, before any of them starts.
    open_spool(settings)
    upgrade_schema(settings)
    claim_port(settings, stop)
    supervisor = Supervisor(settings)
    audit = audit_of(settings, _NODE)
    reloader = Reloader(file, _NODE, settings, audit, supervisor.put_in_force)
    with audited(settings, _NODE), reloading(reloader, settings.spool.path, stop, asked):
        return supervisor.run(stop)


def serve_role(role: Role, file: Path | None, settings: Config, stop: threading.Event) -> None:
    """Run one role, without a supervisor, until `stop` is set."""
    asked = _asked_by_signal(stop)
    _log(settings, role)
    open_spool(settings)
    restarts = False

    def put_in_force(config: Config) -> tuple[RoleAnswer, ...]:
        nonlocal restarts
        restarts = True
        stop.set()
        return (RoleAnswer(role),)

    reloader = Reloader(file, role, settings, audit_of(settings, role), put_in_force)
    with reloading(reloader, settings.spool.path, stop, asked):
        run_role(role, settings, stop, alone=True)
    if restarts:
        os.execv(sys.executable, [sys.executable, "-m", "node.cli", *sys.argv[1:]])  # noqa: S606


def serve_supervised(role: Role, stop: threading.Event) -> bool:
    """Run a role by the configuration that its supervisor sends, until `stop` is set.

    Returns False, at once, where there is no supervisor.
    """
    line = role_end()
    if line is None:
        return False
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the file is the supervisor's
    settings = line.first()
    if settings is not None:
        _log(settings, role)
        line.follow(stop)
        run_role(role, settings, stop)
    return True


def _log(settings: Config, role: str) -> None:
    log.configure(settings.log.level, settings.log.format, role=role)


def _asked_by_signal(stop: threading.Event) -> threading.Event:
    """Return an event that SIGHUP sets; at a terminal, whose end it tells, it sets `stop`."""
    asked = threading.Event()
    meant = stop if sys.stderr.isatty() else asked
    signal.signal(signal.SIGHUP, lambda *_: meant.set())
    return asked
