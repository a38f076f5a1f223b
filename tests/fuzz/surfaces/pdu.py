"""The port receives malformed PDUs, other protocols and interrupted connections."""

import struct
from random import Random

from tests.fuzz.association import (
    ABORT_REQUEST,
    ECHO,
    RELEASE_REQUEST,
    VERIFICATION,
    command,
    item,
    request,
    request_elements,
    request_items,
)
from tests.fuzz.chance import LONG_NUMBERS, NUMBERS, mutate, weighted_choice
from tests.fuzz.script import Ending, Script
from tests.fuzz.texts import hostile_text
from tests.wire.raw import COMMAND, LAST, fragment, pdu

_OTHER_PROTOCOLS = (
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
"""The first bytes of other protocols, which load balancers and port scanners send."""


def script(rnd: Random) -> Script:
    """Return one hostile connection."""
    make = weighted_choice(
        rnd, (30, _mutated), (25, _request), (20, _pdus), (15, _other_protocol), (10, _cut)
    )
    chunks, awaits_answer = make(rnd)
    ending = weighted_choice(
        rnd,
        (300, Ending.CLOSE),
        (200, Ending.RESET),
        (497, Ending.HALF_CLOSE),
        (3, Ending.WAIT),
    )
    return Script(tuple(chunks), awaits_answer, ending)


_Chunks = tuple[list[bytes], bool]


def _other_protocol(rnd: Random) -> _Chunks:
    return [rnd.choice(_OTHER_PROTOCOLS)], False


def _conversation() -> list[bytes]:
    echo = command(request_elements(0x30, VERIFICATION, 1))
    return [request(), pdu(fragment(ECHO, COMMAND | LAST, echo)), RELEASE_REQUEST]


def _mutated(rnd: Random) -> _Chunks:
    """Return a valid conversation with mutated bytes."""
    chunks = _conversation()
    at = rnd.randrange(len(chunks))
    chunks[at] = mutate(rnd, chunks[at])
    return chunks, at > 0


def _cut(rnd: Random) -> _Chunks:
    """Return a valid conversation that ends at a random byte, or arrives in small pieces."""
    data = b"".join(_conversation())
    data = data[: rnd.randrange(len(data) + 1)]
    if rnd.random() < 0.5:
        return [data], False
    cuts = sorted(rnd.randrange(len(data) + 1) for _ in range(8))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)], False


def _pdus(rnd: Random) -> _Chunks:
    """Return PDUs of any type, with correct and wrong lengths, in any order."""
    chunks = []
    for _ in range(rnd.randint(1, 6)):
        kind = rnd.choice((*range(10), 0xFF, rnd.randrange(256)))
        content = rnd.choice((b"", bytes(4), rnd.randbytes(rnd.randrange(300)), request()[6:]))
        length = weighted_choice(rnd, (3, len(content)), (1, rnd.choice(LONG_NUMBERS)))
        chunks.append(struct.pack(">BBL", kind, rnd.choice((0, 0, 0xFF)), length) + content)
    parts = [*_conversation(), ABORT_REQUEST, *chunks]
    rnd.shuffle(parts)
    start = [request()] if rnd.random() < 0.5 else []
    return [*start, *parts[: rnd.randint(1, 6)]], bool(start)


def _request(rnd: Random) -> _Chunks:
    """Return an association request with wrong, missing, repeated or hostile items."""
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
                items[at] = item(
                    rnd.choice((0x10, 0x20, 0x30, 0x40, 0x50)), hostile_text(rnd)[:60000]
                )
            case 4:
                user = item(rnd.randrange(0x50, 0x60), hostile_text(rnd)[:60000])
                items[at] = item(0x50, user[:65535])
            case 5:
                rnd.shuffle(items)
            case _:
                items[at] = mutate(rnd, items[at])
        items = items or [b""]
    called = rnd.choice(("OSTEOSCREEN", "OSTEOSCREEN", "", "NOBODY", "\0" * 16, "../../../etc"))
    return [request(items, called), *_conversation()[1:]], rnd.random() < 0.3
