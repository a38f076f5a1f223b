"""The line between a supervisor and one of its roles: configuration goes down, answers come up.

A role reads no file: what its supervisor has found sound is what it works by, from its first
moment on, also where it is started again while the file is being edited. And when the line ends,
the supervisor is gone, even by kill -9, and the role ends, too.
"""

import json
import os
import socket
import threading
from collections.abc import Iterator
from time import monotonic

from node.config.settings import Config
from node.runtime.reload.reloadable_settings import packed, unpacked

LIFELINE = "OSTEOSCREEN_LIFELINE"
"""Environment variable with the descriptor of a role's end of the line."""

_SEND_SECONDS = 5.0
_MOST_AT_ONCE = 65536


class Lifeline:
    """The supervisor's end. `theirs` is the descriptor that the role is to inherit."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._unread = b""
        self._given = 0

    @property
    def theirs(self) -> int:
        """The descriptor of the role's end, until `started`."""
        return self._theirs.fileno()

    def started(self) -> None:
        """Let go of the role's end, so that the line ends with either process."""
        self._theirs.close()

    def give(self, config: Config) -> None:
        """Send a configuration. A role that takes nothing for seconds is let go, and ends."""
        self._given += 1
        message = json.dumps({"number": self._given, "config": packed(config)})
        try:
            self._ours.settimeout(_SEND_SECONDS)
            self._ours.sendall(message.encode() + b"\n")
        except OSError:
            self.close()

    def answer(self, patience: float) -> str | None:
        """Return what the role says to the last configuration: "" that it has taken it up, or
        why it has not; None where it says nothing for so many seconds.
        """
        deadline = monotonic() + patience
        for message in self._messages(deadline):
            if message["number"] == self._given:
                return str(message["error"])
        return None

    def close(self) -> None:
        """End the line; the role ends then."""
        self._ours.close()

    def _messages(self, deadline: float) -> Iterator[dict[str, object]]:
        """Yield what comes until the deadline, or until the line ends."""
        while True:
            line, end, rest = self._unread.partition(b"\n")
            if end:
                self._unread = rest
                yield json.loads(line)
                continue
            try:
                self._ours.settimeout(max(deadline - monotonic(), 0.001))
                received = self._ours.recv(_MOST_AT_ONCE)
            except OSError:  # nothing came in time, or the line is closed
                return
            if not received:
                return
            self._unread += received


class RoleEnd:
    """A role's end of the line."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._lines = self._socket.makefile("rb")

    def first(self) -> Config | None:
        """Return the configuration to start with, None where the supervisor is gone."""
        line = self._lines.readline()
        if not line:
            return None
        message = json.loads(line)
        self._answer(message["number"])
        return unpacked(message["config"])

    def follow(self, stop: threading.Event) -> None:
        """Set `stop` when the supervisor is gone."""
        threading.Thread(target=self._follow, args=(stop,), daemon=True).start()

    def _follow(self, stop: threading.Event) -> None:
        try:
            for _ in self._lines:
                pass
        except OSError:
            pass  # as where nothing more comes
        finally:
            stop.set()

    def _answer(self, number: int, error: str = "") -> None:
        self._socket.sendall(json.dumps({"number": number, "error": error}).encode() + b"\n")


def role_end() -> RoleEnd | None:
    """Return this process's end of the line, None where it has no supervisor."""
    descriptor = os.environ.get(LIFELINE)
    return None if descriptor is None else RoleEnd(int(descriptor))
