"""Find free ports, and wait for other processes with a deadline."""

import secrets
import socket
import time
from collections.abc import Callable
from typing import TypeVar

INTERVAL = 0.05

State = TypeVar("State")


def free_port() -> int:
    """Return a port that is free on every address of this machine.

    The port is below 32768, where the range of outgoing connections on Linux begins. A client
    could occupy a port in that range while its server restarts, or connect to itself.
    """
    while True:
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as probe:
            try:
                # Orthanc binds every address.
                probe.bind(("", port))
            except OSError:
                continue
        return port


def wait_until(
    poll: Callable[[], State],
    accept: Callable[[State], bool] = bool,
    timeout: float = 20.0,
    goal: str = "the expected state",
) -> State:
    """Return the result of `poll` when `accept` accepts it; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not accept(state := poll()):
        if time.monotonic() > deadline:
            raise AssertionError(f"no {goal} within {timeout:g} s; last state: {state!r}")
        time.sleep(INTERVAL)
    return state
