"""The port, below messages: bytes that are nearly PDUs, connections that end anywhere."""

import struct
from random import Random

from tests.fuzz.association import (
    ABORT_REQUEST,
    ECHO,
    RELEASE_REQUEST,
    VERIFICATION,
    command,
    elements_of,
    item,
    request,
    request_items,
)
from tests.fuzz.chance import LONG_NUMBERS, NUMBERS, mutated, weighed
from tests.fuzz.script import Ending, Script
from tests.fuzz.texts import text
from tests.wire.raw import COMMAND, LAST, fragment, pdu

_STRANGERS = (
    b"",
    b"\0",
    b"GET / HTTP/1.1\r\nHost: osteoscreen\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"EHLO osteoscreen\r\n",
    b"MSH|^~\\&|RIS|HOSPITAL|||20240131||ORM^O01|1|P|2.5\r",
    b"PROXY TCP4 127.0.0.1 127.0.0.1 1 104\r\n",
    b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",
)
"""What load balancers, scanners and lost programs say at a port."""


def script(rnd: Random) -> Script:
    """Return one hostile connection."""
    how = weighed(rnd, (30, _mutated), (25, _request), (20, _pdus), (15, _stranger), (10, _cut))
    chunks, asks = how(rnd)
    ending = weighed(
        rnd,
        (300, Ending.CLOSE),
        (200, Ending.RESET),
        (497, Ending.HALF_CLOSE),
        (3, Ending.WAIT),
    )
    return Script(tuple(chunks), asks, ending)


_Chunks = tuple[list[bytes], bool]


def _stranger(rnd: Random) -> _Chunks:
    return [rnd.choice(_STRANGERS)], False


def _whole() -> list[bytes]:
    echo = command(elements_of(0x30, VERIFICATION, 1))
    return [request(), pdu(fragment(ECHO, COMMAND | LAST, echo)), RELEASE_REQUEST]


def _mutated(rnd: Random) -> _Chunks:
    """A sound conversation with some bytes changed."""
    chunks = _whole()
    at = rnd.randrange(len(chunks))
    chunks[at] = mutated(rnd, chunks[at])
    return chunks, at > 0


def _cut(rnd: Random) -> _Chunks:
    """A sound conversation that ends at any byte, or comes in drops."""
    whole = b"".join(_whole())
    whole = whole[: rnd.randrange(len(whole) + 1)]
    if rnd.random() < 0.5:
        return [whole], False
    cuts = sorted(rnd.randrange(len(whole) + 1) for _ in range(8))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)], False


def _pdus(rnd: Random) -> _Chunks:
    """PDUs of any type, with true and false lengths, in any order."""
    chunks = []
    for _ in range(rnd.randint(1, 6)):
        kind = rnd.choice((*range(10), 0xFF, rnd.randrange(256)))
        content = rnd.choice((b"", bytes(4), rnd.randbytes(rnd.randrange(300)), request()[6:]))
        length = weighed(rnd, (3, len(content)), (1, rnd.choice(LONG_NUMBERS)))
        chunks.append(struct.pack(">BBL", kind, rnd.choice((0, 0, 0xFF)), length) + content)
    parts = [*_whole(), ABORT_REQUEST, *chunks]
    rnd.shuffle(parts)
    start = [request()] if rnd.random() < 0.5 else []
    return [*start, *parts[: rnd.randint(1, 6)]], bool(start)


def _request(rnd: Random) -> _Chunks:
    """A request for an association whose items are wrong, missing, many, or hostile."""
    items = request_items()
    for _ in range(rnd.randint(1, 4)):
        at = rnd.randrange(len(items))
        match rnd.randrange(8):
            case 0:
                items[at] = items[at] * rnd.choice((0, 2, 130))
            case 1:
                items[at] = items[at][:2] + struct.pack(">H", rnd.choice(NUMBERS)) + items[at][4:]
            case 2:
                items[at] = bytes([rnd.randrange(256)]) + items[at][1:]
            case 3:
                items[at] = item(rnd.choice((0x10, 0x20, 0x30, 0x40, 0x50)), text(rnd)[:60000])
            case 4:
                user = item(rnd.randrange(0x50, 0x60), text(rnd)[:60000])
                items[at] = item(0x50, user[:65535])
            case 5:
                rnd.shuffle(items)
            case _:
                items[at] = mutated(rnd, items[at])
        items = items or [b""]
    called = rnd.choice(("OSTEOSCREEN", "OSTEOSCREEN", "", "NOBODY", "\0" * 16, "../../../etc"))
    return [request(items, called), *_whole()[1:]], rnd.random() < 0.3
