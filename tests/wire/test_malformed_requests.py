"""Malformed association requests are answered, and cause no error in the node."""

import socket

import pytest

from tests.fuzz.association import item, request, request_items
from tests.wire.conftest import Node

REJECTED = (0x03, 1, 1, 1)
APPLICATION, *_, USER = request_items()
NUMBER = bytes([1, 0, 0, 0])
ABSTRACT = item(0x30, b"1.2.840.10008.1.1")
TRANSFER = item(0x40, b"1.2.840.10008.1.2")


@pytest.mark.parametrize(
    "parts",
    [
        (TRANSFER,),
        (item(0x30, b""), TRANSFER),
        (ABSTRACT,),
        (ABSTRACT, item(0x40, b"")),
    ],
)
def test_a_context_without_a_syntax_is_rejected(parts: tuple[bytes, ...], node: Node) -> None:
    """Without the node's check, a thread of pynetdicom would end with an error."""
    malformed = request([APPLICATION, item(0x20, NUMBER, *parts), USER])
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as peer:
        peer.sendall(malformed)
        answer = peer.recv(10)
    assert (answer[0], *answer[7:10]) == REJECTED
