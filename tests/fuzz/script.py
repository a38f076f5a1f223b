"""Run one scripted connection to the node, and check what the node sends."""

import contextlib
import socket
import struct
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from tests.fuzz.surface import InvariantViolation

ADDRESS = "127.0.0.2"
"""The fuzzer uses its own address, because the node limits the connections of each address."""

_PDU_TYPES = frozenset(range(0x02, 0x08))
_MAX_PDU = 1024 * 1024


class Ending(StrEnum):
    """How the peer of the node ends the connection."""

    CLOSE = "close"
    RESET = "reset"
    HALF_CLOSE = "half-close"
    WAIT = "wait"


@dataclass(frozen=True)
class Script:
    """What a peer sends; with `awaits_answer`, the peer waits for data after the first chunk."""

    chunks: tuple[bytes, ...]
    awaits_answer: bool
    ending: Ending


def play(script: Script, port: int, deadline: float) -> str:
    """Run a script; return the outcome. Raises InvariantViolation for a fault of the node.

    The node must end a half-closed connection immediately, and an idle connection after its
    timeouts. Both connections must end within `deadline` seconds.
    """
    address = ("127.0.0.1", port)
    try:
        with socket.create_connection(address, deadline, source_address=(ADDRESS, 0)) as peer:
            return _converse(script, peer, deadline)
    except ConnectionError:
        return "refused"


def _converse(script: Script, peer: socket.socket, deadline: float) -> str:
    answer = b""
    try:
        for number, chunk in enumerate(script.chunks):
            peer.sendall(chunk)
            if number == 0 and script.awaits_answer:
                answer = peer.recv(65536)
        if script.ending is Ending.RESET:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if script.ending in (Ending.RESET, Ending.CLOSE):
            return str(script.ending)
        if script.ending is Ending.HALF_CLOSE:
            with contextlib.suppress(OSError):  # the node may have disconnected
                peer.shutdown(socket.SHUT_WR)
        answer += _receive_all(peer, deadline)
    except TimeoutError:
        raise InvariantViolation(f"the connection did not end within {deadline:g} s") from None
    except ConnectionError:
        return "disconnected"
    return _classify(answer)


def _receive_all(peer: socket.socket, seconds: float) -> bytes:
    """Return the data until the node ends the connection."""
    received, end = b"", monotonic() + seconds
    with contextlib.suppress(ConnectionError):
        while part := peer.recv(65536):
            received += part
            if monotonic() > end:
                raise TimeoutError
            peer.settimeout(max(0.01, end - monotonic()))
    return received


def _classify(answer: bytes) -> str:
    """Return the type of the last PDU. Raises InvariantViolation for anything but PDUs."""
    if b"Traceback" in answer or b'File "' in answer:
        raise InvariantViolation("a traceback reached the peer")
    kinds, at = [], 0
    while at + 6 <= len(answer):
        kind, length = answer[at], int.from_bytes(answer[at + 2 : at + 6])
        if kind not in _PDU_TYPES or length > _MAX_PDU:
            raise InvariantViolation(f"not a PDU: {answer[at : at + 16].hex()}")
        kinds.append(kind)
        at += 6 + length
    names = {2: "accepted", 3: "rejected", 4: "answered", 6: "released", 7: "aborted"}
    return names.get(kinds[-1], "other") if kinds else "no answer"
