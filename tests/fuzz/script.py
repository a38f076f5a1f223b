"""One connection to the node: what is said, how it ends, and what may come back."""

import contextlib
import socket
import struct
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from tests.fuzz.surface import Wrong

ADDRESS = "127.0.0.2"
"""Whence the fuzzer calls: the node shares its places out by address, and others must get in."""

_KNOWN = frozenset(range(0x02, 0x08))
_MOST_PDU = 1024 * 1024


class Ending(StrEnum):
    """How a peer leaves."""

    CLOSE = "close"
    RESET = "reset"
    HALF_CLOSE = "half-close"
    WAIT = "wait"


@dataclass(frozen=True)
class Script:
    """What a peer sends, and whether it awaits one answer after the first part of it."""

    chunks: tuple[bytes, ...]
    asks: bool
    ending: Ending


def play(script: Script, port: int, patience: float) -> str:
    """Say all of it and see what comes back; raise Wrong where the node does not behave.

    A node must end a connection that its peer has half closed at once, one whose peer is silent
    once its own time-outs have passed; `patience` in seconds allows for them.
    """
    address = ("127.0.0.1", port)
    try:
        with socket.create_connection(address, patience, source_address=(ADDRESS, 0)) as peer:
            return _converse(script, peer, patience)
    except ConnectionError:
        return "refused"


def _converse(script: Script, peer: socket.socket, patience: float) -> str:
    answer = b""
    try:
        for number, chunk in enumerate(script.chunks):
            peer.sendall(chunk)
            if number == 0 and script.asks:
                answer = peer.recv(65536)
        if script.ending is Ending.RESET:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if script.ending in (Ending.RESET, Ending.CLOSE):
            return str(script.ending)
        if script.ending is Ending.HALF_CLOSE:
            with contextlib.suppress(OSError):  # the node may have gone before
                peer.shutdown(socket.SHUT_WR)
        answer += _rest(peer, patience)
    except TimeoutError:
        raise Wrong(f"no end of the connection within {patience:g} s") from None
    except ConnectionError:
        return "cut off"
    return _told(answer)


def _rest(peer: socket.socket, patience: float) -> bytes:
    """Return what comes until the node ends the connection."""
    received, deadline = b"", monotonic() + patience
    with contextlib.suppress(ConnectionError):
        while part := peer.recv(65536):
            received += part
            if monotonic() > deadline:
                raise TimeoutError
            peer.settimeout(max(0.01, deadline - monotonic()))
    return received


def _told(answer: bytes) -> str:
    """Return what kinds of PDU came; raise Wrong for what is none, or tells of our insides."""
    if b"Traceback" in answer or b'File "' in answer:
        raise Wrong("a traceback reached the peer")
    kinds, at = [], 0
    while at + 6 <= len(answer):
        kind, length = answer[at], int.from_bytes(answer[at + 2 : at + 6])
        if kind not in _KNOWN or length > _MOST_PDU:
            raise Wrong(f"what came is no PDU: {answer[at : at + 16].hex()}")
        kinds.append(kind)
        at += 6 + length
    names = {2: "accepted", 3: "rejected", 4: "answered", 6: "released", 7: "aborted"}
    return names.get(kinds[-1], "other") if kinds else "silence"
