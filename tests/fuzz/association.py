"""Encode association requests (PS3.8 9.3) and DIMSE commands (PS3.7)."""

import struct
from collections.abc import Mapping, Sequence

from pydicom import uid

from node.domain.sop_class import SopClass
from tests.wire.raw import pdu

REQUEST, RELEASE, ABORT = 0x01, 0x05, 0x07
AE_TITLE = "OSTEOSCREEN"
VERIFICATION, PUSH_MODEL = "1.2.840.10008.1.1", "1.2.840.10008.1.20.1"
PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"
ECHO, STORE, STORE_IMPLICIT, STORE_DX, REPORT = 1, 3, 5, 7, 9
CONTEXTS = {
    ECHO: (VERIFICATION, (uid.ImplicitVRLittleEndian,)),
    STORE: (SopClass.COMPUTED_RADIOGRAPHY, (uid.ExplicitVRLittleEndian,)),
    STORE_IMPLICIT: (SopClass.COMPUTED_RADIOGRAPHY, (uid.ImplicitVRLittleEndian,)),
    STORE_DX: (SopClass.DIGITAL_X_RAY_FOR_PRESENTATION, (uid.DeflatedExplicitVRLittleEndian,)),
    REPORT: (PUSH_MODEL, (uid.ImplicitVRLittleEndian,)),
}
C_STORE, C_ECHO, C_CANCEL, N_EVENT_REPORT = 0x0001, 0x0030, 0x0FFF, 0x0100
NO_DATA_SET = 0x0101
RELEASE_REQUEST = pdu(bytes(4), kind=RELEASE)
ABORT_REQUEST = pdu(bytes(4), kind=ABORT)


def item(kind: int, *content: bytes) -> bytes:
    """Return an item or sub-item of an association PDU."""
    joined = b"".join(content)
    return struct.pack(">BBH", kind, 0, len(joined)) + joined


def request(items: Sequence[bytes] | None = None, called: str = AE_TITLE) -> bytes:
    """Return an A-ASSOCIATE-RQ with every presentation context of the fuzzer."""
    head = struct.pack(">HH", 1, 0) + called.encode().ljust(16) + b"FUZZER".ljust(16) + bytes(32)
    return pdu(head, *(request_items() if items is None else items), kind=REQUEST)


def request_items() -> list[bytes]:
    """Return the items of the association request of the fuzzer."""
    contexts = [
        item(
            0x20,
            struct.pack(">BBBB", number, 0, 0, 0),
            item(0x30, sop_class.encode()),
            *_syntaxes(syntaxes),
        )
        for number, (sop_class, syntaxes) in CONTEXTS.items()
    ]
    role = struct.pack(">H", len(PUSH_MODEL)) + PUSH_MODEL.encode() + b"\0\1"
    user = [
        item(0x51, struct.pack(">L", 16384)),
        item(0x52, b"1.2.826.0.1.3680043.8.498.9"),
        item(0x54, role),
        item(0x55, b"FUZZER"),
    ]
    return [item(0x10, b"1.2.840.10008.3.1.1.1"), *contexts, item(0x50, *user)]


def _syntaxes(syntaxes: Sequence[str]) -> list[bytes]:
    return [item(0x40, syntax.encode()) for syntax in syntaxes]


def command(elements: Mapping[int, bytes], length: int | None = None) -> bytes:
    """Return a command set in Implicit VR Little Endian; `length` replaces its group length."""
    content = b"".join(
        struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value
        for tag, value in elements.items()
    )
    group_length = len(content) if length is None else length
    return struct.pack("<HHLL", 0, 0, 4, group_length) + content


def request_elements(
    field: int, sop_class: str, number: int, instance: str = ""
) -> dict[int, bytes]:
    """Return the elements of a DIMSE request."""
    with_data = field in (C_STORE, N_EVENT_REPORT)
    elements = {
        0x00000002: _uid(sop_class),
        0x00000100: struct.pack("<H", field),
        0x00000110: struct.pack("<H", number & 0xFFFF),
        0x00000700: struct.pack("<H", 0),
        0x00000800: struct.pack("<H", 1 if with_data else NO_DATA_SET),
        0x00001000: _uid(instance),
        0x00001002: struct.pack("<H", 1),
    }
    if field == C_CANCEL:
        return {0x100: elements[0x100], 0x120: elements[0x110], 0x800: elements[0x800]}
    unused = {C_STORE: (0x1002,), N_EVENT_REPORT: (0x700,)}.get(field, (0x700, 0x1000, 0x1002))
    return {tag: value for tag, value in elements.items() if tag not in unused}


def _uid(value: str) -> bytes:
    return value.encode() + b"\0" * (len(value) % 2)
