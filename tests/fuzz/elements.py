"""Data sets put together element by element, so that each can be wrong on its own."""

import struct
import zlib
from dataclasses import dataclass, replace
from random import Random

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tests.fuzz.chance import LONG_NUMBERS, NUMBERS
from tests.fuzz.texts import CHARSETS, text

_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_VRS = (*sorted(_LONG), "AE", "AS", "AT", "CS", "DA", "DS", "FD", "IS", "LO", "PN", "SH", "SS")
_BAD_VRS = ("??", "\0\0", "zz", "UL", "US", "UI", "TM", "ST")
UNDEFINED = 0xFFFFFFFF
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)


@dataclass(frozen=True)
class Element:
    """One element; `length` is what it says of its value, if not the truth."""

    tag: int
    vr: str
    value: bytes
    length: int | None = None


def element(keyword: str, value: bytes) -> Element:
    """Return a sound element, its value padded to an even length."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    vr = dictionary_VR(tag)[:2]
    pad = b"\0" if vr in ("UI", "OB", "UN") else b" "
    return Element(tag, vr, value + pad * (len(value) % 2))


def spoiled(rnd: Random, one: Element) -> Element:
    """Return an element with another value, VR or length than is right."""
    if one.tag == 0x00080005 and rnd.random() < 0.8:
        return replace(one, value=rnd.choice(CHARSETS))
    match rnd.randrange(8):
        case 0:
            return replace(one, vr=rnd.choice((*_VRS, *_BAD_VRS)))
        case 1:
            return replace(one, length=rnd.choice(LONG_NUMBERS))
        case 2:
            return replace(one, value=struct.pack("<H", rnd.choice(NUMBERS)))
        case 3:
            return replace(one, value=one.value * rnd.choice((0, 2, 3)))
        case _:
            return replace(one, value=text(rnd))


def body(elements: list[Element], syntax: str) -> bytes:
    """Return a data set's bytes in a transfer syntax; values stand as they are."""
    if syntax == DeflatedExplicitVRLittleEndian:
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return deflate.compress(body(elements, ExplicitVRLittleEndian)) + deflate.flush()
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    return b"".join(_encoded(one, order, syntax != ImplicitVRLittleEndian) for one in elements)


def _encoded(one: Element, order: str, explicit: bool) -> bytes:
    tag = struct.pack(f"{order}HH", one.tag >> 16, one.tag & 0xFFFF)
    length = len(one.value) if one.length is None else one.length
    if not explicit:
        return tag + struct.pack(f"{order}L", length) + one.value
    vr = one.vr.encode("latin-1")[:2].ljust(2)
    if one.vr in _LONG:
        return tag + vr + struct.pack(f"{order}HL", 0, length) + one.value
    return tag + vr + struct.pack(f"{order}H", length & 0xFFFF) + one.value


def part10(data_set: bytes, syntax: str, meta: list[Element] | None = None) -> bytes:
    """Return a file of this data set; `meta` takes the place of the least there must be."""
    stated = meta or [element("TransferSyntaxUID", syntax.encode())]
    rest = body(stated, ExplicitVRLittleEndian)
    length = element("FileMetaInformationGroupLength", struct.pack("<L", len(rest)))
    return bytes(128) + b"DICM" + body([length], ExplicitVRLittleEndian) + rest + data_set


def nest(depth: int, defined: bool) -> bytes:
    """Return sequences within sequences, Explicit VR Little Endian, as bytes of an item each."""
    opened = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, UNDEFINED)
    opened += struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED)
    if not defined:
        return opened * depth
    content = b""
    for _ in range(depth):
        content = struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content
        content = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, len(content)) + content
    return content
