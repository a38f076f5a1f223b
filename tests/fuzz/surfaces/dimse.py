"""Messages on a sound association: commands, fragments and data sets that are wrong."""

import struct
from random import Random

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from node.domain.sop_class import SopClass
from tests.fuzz import association as a
from tests.fuzz.chance import LONG_NUMBERS, NUMBERS, mutated, weighed
from tests.fuzz.elements import body, element
from tests.fuzz.script import Ending, Script
from tests.fuzz.surfaces.header import GOOD, elements
from tests.fuzz.texts import text
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
_PIECE = 8000  # bytes of a fragment


def script(rnd: Random) -> Script:
    """Return one association with hostile messages, and perhaps a decent end."""
    messages = [_message(rnd) for _ in range(rnd.choice((1, 1, 1, 2, 5)))]
    if rnd.random() < 0.01:
        messages = messages[:1] * 5
    chunks = [a.request(), *messages]
    if rnd.random() < 0.5:
        chunks.append(rnd.choice((a.RELEASE_REQUEST, a.ABORT_REQUEST)))
    ending = weighed(
        rnd,
        (200, Ending.CLOSE),
        (100, Ending.RESET),
        (697, Ending.HALF_CLOSE),
        (3, Ending.WAIT),
    )
    return Script(tuple(chunks), True, ending)


def _message(rnd: Random) -> bytes:
    return weighed(
        rnd, (40, _store), (20, _command), (15, _report), (15, _fragments), (10, _cancels)
    )(rnd)


def _store(rnd: Random) -> bytes:
    """A C-STORE whose data set is hostile; now and then it is not even what it announces."""
    context, (sop_class, syntax) = rnd.choice(list(_STORES.items()))
    instance = f"1.2.826.0.1.3680043.8.498.{rnd.randrange(10**9)}"
    facts = {"SOPClassUID": sop_class.encode(), "SOPInstanceUID": instance.encode()}
    if rnd.random() < 0.3:
        data = body([element(*one) for one in (GOOD | facts).items()], syntax)
        data = data if rnd.random() < 0.2 else mutated(rnd, data)
    else:
        spoiled = [one for one in elements(rnd, 4) if one.tag not in (0x00080016, 0x00080018)]
        known = [element(*one) for one in facts.items()]
        data = body(sorted([*spoiled, *known], key=lambda one: one.tag), syntax)
    fields = a.elements_of(a.C_STORE, sop_class, rnd.randrange(9), instance)
    return _pdus(rnd, context, a.command(fields), data)


def _report(rnd: Random) -> bytes:
    """A commitment report that names transactions and objects nobody knows, or nonsense."""
    facts = [
        element("TransactionUID", weighed(rnd, (1, b"1.2.3"), (1, text(rnd)[:60000]))),
        element("RetrieveAETitle", text(rnd)[:60000]),
    ]
    for keyword in ("ReferencedSOPSequence", "FailedSOPSequence"):
        if rnd.random() < 0.7:
            facts.append(element(keyword, _references(rnd) * rnd.choice((1, 1, 1, 200))))
    data = body(sorted(facts, key=lambda one: one.tag), ImplicitVRLittleEndian)
    if rnd.random() < 0.4:
        data = mutated(rnd, data)
    fields = a.elements_of(a.N_EVENT_REPORT, a.PUSH_MODEL, 1, a.PUSH_MODEL_INSTANCE)
    fields[0x1002] = struct.pack("<H", rnd.choice((1, 1, 2, *NUMBERS)))
    return _pdus(rnd, a.REPORT, a.command(fields), data)


def _references(rnd: Random) -> bytes:
    inner = [
        element("ReferencedSOPClassUID", text(rnd)[:200]),
        element("ReferencedSOPInstanceUID", text(rnd)[:200]),
        element("FailureReason", rnd.randbytes(rnd.choice((2, 2, 1, 0)))),
    ]
    content = body(inner, ImplicitVRLittleEndian)
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content


def _command(rnd: Random) -> bytes:
    """A command whose elements are missing, unknown, doubled, too long, or lie about the group."""
    context = rnd.choice((*a.CONTEXTS, 0, 2, 11, 255))
    sop_class = a.CONTEXTS.get(context, (a.VERIFICATION,))[0]
    fields = a.elements_of(rnd.choice(_FIELDS), sop_class, rnd.randrange(70000), "1.2.3")
    for _ in range(rnd.randint(0, 4)):
        tag = rnd.choice((*fields, 0x00000003, 0x00000900, 0x00001031, 0x00080018, 0xFFFFFFFF))
        if rnd.random() < 0.3:
            fields.pop(tag, None)
        else:
            fields[tag] = rnd.choice((text(rnd), rnd.randbytes(rnd.randrange(9))))
    length = weighed(rnd, (4, None), (1, rnd.choice(LONG_NUMBERS)))
    encoded = a.command(fields, length)
    if rnd.random() < 0.4:
        encoded = mutated(rnd, encoded)
    return _pdus(rnd, context, encoded, rnd.choice((b"", b"", rnd.randbytes(100))))


def _fragments(rnd: Random) -> bytes:
    """Fragments in no order: without an end, without a command, empty, amid each other."""
    echo = a.command(a.elements_of(a.C_ECHO, a.VERIFICATION, 1))
    items = []
    for _ in range(rnd.randint(1, 12)):
        control = rnd.choice((COMMAND, DATA, COMMAND | LAST, DATA | LAST, rnd.randrange(256)))
        content = rnd.choice((b"", echo, echo[:20], rnd.randbytes(rnd.randrange(200)), bytes(9000)))
        one = fragment(rnd.choice((*a.CONTEXTS, 2)), control, content)
        if rnd.random() < 0.2:
            one = struct.pack(">L", rnd.choice(LONG_NUMBERS)) + one[4:]
        items.append(one)
    if rnd.random() < 0.5:
        return pdu(*items)
    return b"".join(pdu(one) for one in items)


def _cancels(rnd: Random) -> bytes:
    """Many small requests at once, no answer awaited."""
    field = rnd.choice((a.C_CANCEL, a.C_CANCEL, a.C_ECHO))
    encoded = a.command(a.elements_of(field, a.VERIFICATION, rnd.randrange(9)))
    one = pdu(fragment(a.ECHO, COMMAND | LAST, encoded))
    return one * rnd.choice((1, 5, 31, 60))


def _pdus(rnd: Random, context: int, encoded: bytes, data: bytes) -> bytes:
    """Return a message in PDUs; now and then its end is missing or it has two contexts."""
    parts = [pdu(fragment(context, COMMAND | LAST, encoded))]
    if data:
        pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
        last = [0] * (len(pieces) - 1) + [LAST if rnd.random() < 0.95 else 0]
        other = context if rnd.random() < 0.97 else rnd.choice(list(a.CONTEXTS))
        for piece, end in zip(pieces, last, strict=True):
            parts.append(pdu(fragment(other, DATA | end, piece)))
    if rnd.random() < 0.03:
        rnd.shuffle(parts)
    return b"".join(parts)
