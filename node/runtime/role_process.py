"""A role as a child process, and the channel between the child and its supervisor.

The supervisor sends the configuration, and later that another process has replaced this one. The
role reports that it is ready, or its error. When the channel closes, the role ends: the supervisor
wants it, or has ended itself, even by kill -9.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from time import monotonic
from typing import Any

from node.config.settings import Config
from node.runtime.roles import IngestPort, Role

CHANNEL = "OSTEOSCREEN_CHANNEL"
"""Environment variable with the file descriptor of a role's end of the channel."""

_RETIRE = b"retire\n"
_MAX_REPORT = 65536
_RETIRE_SECONDS = 600.0
_DRAIN_MARGIN = 15.0  # seconds that a role has to end, beside `dicom.dimse_timeout`


class RoleProcess:
    """One role in a process of its own. The configuration stays the same for its life."""

    def __init__(self, role: Role, config: Config, listener: socket.socket | None = None) -> None:
        self.role = role
        self.config = config
        self.started = monotonic()
        self.ready = False
        self._error = ""
        self._deadline: float | None = None
        self._retiring = False
        self._channel, role_end = socket.socketpair()
        inherited = [role_end.fileno()] + ([] if listener is None else [listener.fileno()])
        with role_end:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                [sys.executable, "-m", "node.cli", "serve", "--role", str(role)],
                env=os.environ | {CHANNEL: str(role_end.fileno())},
                pass_fds=inherited,
                stdin=subprocess.DEVNULL,
            )
        start = {
            "config": pack_config(config),
            "listener": None if listener is None else listener.fileno(),
        }
        with suppress(OSError):  # the role has ended already, and its exit status says so
            self._channel.sendall(json.dumps(start).encode() + b"\n")
        self._channel.setblocking(False)

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._process.pid

    def poll(self) -> int | None:
        """Read what the role has reported; return its exit status, None while it runs."""
        status = self._process.poll()
        with suppress(OSError):  # it has reported nothing more
            if reports := self._channel.recv(_MAX_REPORT).splitlines():
                self._error = str(json.loads(reports[-1])["error"])
                self.ready = not self._error
        if status is not None:
            self._channel.close()
        return status

    def error(self) -> str:
        """Return why the role has not started, empty if it is ready."""
        if self.ready:
            return ""
        status = self._process.returncode
        return self._error or (
            "not started yet; see its log"
            if status is None
            else f"ended with status {status}; see its log"
        )

    def retire(self) -> None:
        """Ask the role to finish its work and end. It may take minutes: another replaces it."""
        self._retiring = True
        self._deadline = monotonic() + _RETIRE_SECONDS
        with suppress(OSError):
            self._channel.send(_RETIRE)

    def terminate(self) -> None:
        """Ask the role to end soon: open associations have `dicom.dimse_timeout` seconds."""
        self._retiring = False
        self._deadline = monotonic() + self.config.dicom.dimse_timeout + _DRAIN_MARGIN
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)
        self._process.send_signal(signal.SIGTERM)

    def kill_if_overdue(self) -> bool:
        """Terminate a role that has not retired in time, kill one that has not terminated.

        Returns whether it was killed.
        """
        if self._deadline is None or monotonic() < self._deadline:
            return False
        if self._retiring:
            self.terminate()
            return False
        self._process.kill()
        self._process.wait()
        return True


class SupervisorChannel:
    """The role's end of the channel."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._lines = self._socket.makefile("rb")
        self._port: IngestPort | None = None

    def receive_start(self) -> tuple[Config, IngestPort | None] | None:
        """Return the configuration, and the port of ingest; None if the supervisor has ended."""
        line = self._lines.readline()
        if not line:
            return None
        start = json.loads(line)
        descriptor = start["listener"]
        if descriptor is not None:
            self._port = IngestPort(inherited_listener(descriptor))
        return unpack_config(start["config"]), self._port

    def report(self, error: str = "") -> None:
        """Report that the role is ready, or the error that ends it."""
        with suppress(OSError):  # the supervisor has ended
            self._socket.sendall(json.dumps({"error": error}).encode() + b"\n")

    def stop_with_supervisor(self, stop: threading.Event) -> None:
        """Set `stop` when this process is replaced, or when the supervisor ends."""
        threading.Thread(target=self._wait_for_end, args=(stop,), daemon=True).start()

    def _wait_for_end(self, stop: threading.Event) -> None:
        with suppress(OSError):
            if self._lines.readline() == _RETIRE:
                if self._port is not None:
                    self._port.handed_over.set()
                stop.set()
                self._lines.readline()
        if self._port is not None:
            self._port.handed_over.clear()
        stop.set()


def supervisor_channel() -> SupervisorChannel | None:
    """Return this process's channel to its supervisor, None if it has no supervisor."""
    descriptor = os.environ.get(CHANNEL)
    return None if descriptor is None else SupervisorChannel(int(descriptor))


def inherited_listener(descriptor: int) -> socket.socket:
    """Return the listening socket that this process has inherited."""
    listener = socket.socket(fileno=descriptor)
    listener.setblocking(False)  # several processes wait for the same connection
    return listener


def pack_config(config: Config) -> dict[str, Any]:
    """Return a configuration as JSON values, its paths absolute."""
    return config.model_dump(mode="json")


def unpack_config(values: dict[str, Any]) -> Config:
    """Return the configuration that `pack_config` has packed."""
    return Config(**values)
