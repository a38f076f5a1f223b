"""Free ports, and waiting with a deadline for what another process does."""

import secrets
import socket
import time
from collections.abc import Callable
from typing import TypeVar

INTERVAL = 0.05

Seen = TypeVar("Seen")


def free_port() -> int:
    """Return a port that nothing is bound to, on any of this machine's addresses.

    From below the range that Linux takes for outgoing connections (32768 and up): there a
    client's own port could be the very one that a test's server is to come back on, and a
    connection to a port without a listener could even reach itself.
    """
    while True:
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as probe:
            try:
                # Every address, since Orthanc will bind every address.
                probe.bind(("", port))
            except OSError:
                continue
        return port


def wait_until(
    look: Callable[[], Seen],
    accept: Callable[[Seen], bool] = bool,
    timeout: float = 20.0,
    what: str = "the expected state",
) -> Seen:
    """Return what `look` sees once `accept` likes it; else fail and tell what was seen last."""
    deadline = time.monotonic() + timeout
    while not accept(seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {timeout:g} s; last seen: {seen!r}")
        time.sleep(INTERVAL)
    return seen
