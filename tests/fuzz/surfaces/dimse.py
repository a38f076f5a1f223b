"""DIMSE messages on a valid association have malformed commands, fragments or data sets."""

import struct
from random import Random

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from node.domain.sop_class import SopClass
from tests.fuzz import association as a
from tests.fuzz.chance import LONG_NUMBERS, NUMBERS, mutate, weighted_choice
from tests.fuzz.elements import body, element
from tests.fuzz.script import Ending, Script
from tests.fuzz.surfaces.header import GOOD, elements
from tests.fuzz.texts import hostile_text
from tests.wire.raw import COMMAND, DATA, LAST, fragment, pdu

_STORES = {
    a.STORE: (SopClass.COMPUTED_RADIOGRAPHY, ExplicitVRLittleEndian),
    a.STORE_IMPLICIT: (SopClass.COMPUTED_RADIOGRAPHY, ImplicitVRLittleEndian),
    a.STORE_DX: (SopClass.DIGITAL_X_RAY_FOR_PRESENTATION, DeflatedExplicitVRLittleEndian),
}
_FIELDS = (
    0x0001,
    0x8001,
    0x0010,
    0x0020,
    0x0021,
    0x0030,
    0x8030,
    0x0100,
    0x0110,
    0x0130,
    0x0FFF,
    0,
)
_FRAGMENT_SIZE = 8000  # bytes


def script(rnd: Random) -> Script:
    """Return one association with hostile messages, sometimes with an orderly end."""
    messages = [_message(rnd) for _ in range(rnd.choice((1, 1, 1, 2, 5)))]
    if rnd.random() < 0.01:
        messages = messages[:1] * 5
    chunks = [a.request(), *messages]
    if rnd.random() < 0.5:
        chunks.append(rnd.choice((a.RELEASE_REQUEST, a.ABORT_REQUEST)))
    ending = weighted_choice(
        rnd,
        (200, Ending.CLOSE),
        (100, Ending.RESET),
        (697, Ending.HALF_CLOSE),
        (3, Ending.WAIT),
    )
    return Script(tuple(chunks), True, ending)


def _message(rnd: Random) -> bytes:
    return weighted_choice(
        rnd, (40, _store), (20, _command), (15, _report), (15, _fragments), (10, _cancels)
    )(rnd)


def _store(rnd: Random) -> bytes:
    """Return a C-STORE with a hostile data set, sometimes with other UIDs than announced."""
    context, (sop_class, syntax) = rnd.choice(list(_STORES.items()))
    instance = f"1.2.826.0.1.3680043.8.498.{rnd.randrange(10**9)}"
    uids = {"SOPClassUID": sop_class.encode(), "SOPInstanceUID": instance.encode()}
    if rnd.random() < 0.3:
        data = body([element(*item) for item in (GOOD | uids).items()], syntax)
        data = data if rnd.random() < 0.2 else mutate(rnd, data)
    else:
        corrupted = [e for e in elements(rnd, 4) if e.tag not in (0x00080016, 0x00080018)]
        valid = [element(*item) for item in uids.items()]
        data = body(sorted([*corrupted, *valid], key=lambda e: e.tag), syntax)
    fields = a.request_elements(a.C_STORE, sop_class, rnd.randrange(9), instance)
    return _pdus(rnd, context, a.command(fields), data)


def _report(rnd: Random) -> bytes:
    """Return a commitment report with unknown transactions and objects, or random values."""
    report = [
        element(
            "TransactionUID", weighted_choice(rnd, (1, b"1.2.3"), (1, hostile_text(rnd)[:60000]))
        ),
        element("RetrieveAETitle", hostile_text(rnd)[:60000]),
    ]
    for keyword in ("ReferencedSOPSequence", "FailedSOPSequence"):
        if rnd.random() < 0.7:
            report.append(element(keyword, _references(rnd) * rnd.choice((1, 1, 1, 200))))
    data = body(sorted(report, key=lambda e: e.tag), ImplicitVRLittleEndian)
    if rnd.random() < 0.4:
        data = mutate(rnd, data)
    fields = a.request_elements(a.N_EVENT_REPORT, a.PUSH_MODEL, 1, a.PUSH_MODEL_INSTANCE)
    fields[0x1002] = struct.pack("<H", rnd.choice((1, 1, 2, *NUMBERS)))
    return _pdus(rnd, a.REPORT, a.command(fields), data)


def _references(rnd: Random) -> bytes:
    inner = [
        element("ReferencedSOPClassUID", hostile_text(rnd)[:200]),
        element("ReferencedSOPInstanceUID", hostile_text(rnd)[:200]),
        element("FailureReason", rnd.randbytes(rnd.choice((2, 2, 1, 0)))),
    ]
    content = body(inner, ImplicitVRLittleEndian)
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content


def _command(rnd: Random) -> bytes:
    """Return a command with missing, unknown or hostile elements, or a wrong group length."""
    context = rnd.choice((*a.CONTEXTS, 0, 2, 11, 255))
    sop_class = a.CONTEXTS.get(context, (a.VERIFICATION,))[0]
    fields = a.request_elements(rnd.choice(_FIELDS), sop_class, rnd.randrange(70000), "1.2.3")
    for _ in range(rnd.randint(0, 4)):
        tag = rnd.choice((*fields, 0x00000003, 0x00000900, 0x00001031, 0x00080018, 0xFFFFFFFF))
        if rnd.random() < 0.3:
            fields.pop(tag, None)
        else:
            fields[tag] = rnd.choice((hostile_text(rnd), rnd.randbytes(rnd.randrange(9))))
    length = weighted_choice(rnd, (4, None), (1, rnd.choice(LONG_NUMBERS)))
    encoded = a.command(fields, length)
    if rnd.random() < 0.4:
        encoded = mutate(rnd, encoded)
    return _pdus(rnd, context, encoded, rnd.choice((b"", b"", rnd.randbytes(100))))


def _fragments(rnd: Random) -> bytes:
    """Return fragments in random order: incomplete, empty, interleaved, or without a command."""
    echo = a.command(a.request_elements(a.C_ECHO, a.VERIFICATION, 1))
    items = []
    for _ in range(rnd.randint(1, 12)):
        control = rnd.choice((COMMAND, DATA, COMMAND | LAST, DATA | LAST, rnd.randrange(256)))
        content = rnd.choice((b"", echo, echo[:20], rnd.randbytes(rnd.randrange(200)), bytes(9000)))
        item = fragment(rnd.choice((*a.CONTEXTS, 2)), control, content)
        if rnd.random() < 0.2:
            item = struct.pack(">L", rnd.choice(LONG_NUMBERS)) + item[4:]
        items.append(item)
    if rnd.random() < 0.5:
        return pdu(*items)
    return b"".join(pdu(item) for item in items)


def _cancels(rnd: Random) -> bytes:
    """Return many small requests at once."""
    field = rnd.choice((a.C_CANCEL, a.C_CANCEL, a.C_ECHO))
    encoded = a.command(a.request_elements(field, a.VERIFICATION, rnd.randrange(9)))
    request = pdu(fragment(a.ECHO, COMMAND | LAST, encoded))
    return request * rnd.choice((1, 5, 31, 60))


def _pdus(rnd: Random, context: int, encoded: bytes, data: bytes) -> bytes:
    """Return a message in PDUs, sometimes without its end or with two contexts."""
    parts = [pdu(fragment(context, COMMAND | LAST, encoded))]
    if data:
        pieces = [data[at : at + _FRAGMENT_SIZE] for at in range(0, len(data), _FRAGMENT_SIZE)]
        last = [0] * (len(pieces) - 1) + [LAST if rnd.random() < 0.95 else 0]
        other = context if rnd.random() < 0.97 else rnd.choice(list(a.CONTEXTS))
        for piece, end in zip(pieces, last, strict=True):
            parts.append(pdu(fragment(other, DATA | end, piece)))
    if rnd.random() < 0.03:
        rnd.shuffle(parts)
    return b"".join(parts)
