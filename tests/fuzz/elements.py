"""Encode data sets element by element, with arbitrary values, VRs and lengths."""

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
from tests.fuzz.texts import CHARSETS, hostile_text

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
    """One element; `length` replaces the true length of its value."""

    tag: int
    vr: str
    value: bytes
    length: int | None = None


def element(keyword: str, value: bytes) -> Element:
    """Return a valid element with its value padded to an even length."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    vr = dictionary_VR(tag)[:2]
    pad = b"\0" if vr in ("UI", "OB", "UN") else b" "
    return Element(tag, vr, value + pad * (len(value) % 2))


def corrupt(rnd: Random, original: Element) -> Element:
    """Return the element with a wrong value, VR or length."""
    if original.tag == 0x00080005 and rnd.random() < 0.8:
        return replace(original, value=rnd.choice(CHARSETS))
    match rnd.randrange(8):
        case 0:
            return replace(original, vr=rnd.choice((*_VRS, *_BAD_VRS)))
        case 1:
            return replace(original, length=rnd.choice(LONG_NUMBERS))
        case 2:
            return replace(original, value=struct.pack("<H", rnd.choice(NUMBERS)))
        case 3:
            return replace(original, value=original.value * rnd.choice((0, 2, 3)))
        case _:
            return replace(original, value=hostile_text(rnd))


def body(elements: list[Element], syntax: str) -> bytes:
    """Encode a data set in a transfer syntax; values are not changed."""
    if syntax == DeflatedExplicitVRLittleEndian:
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return deflate.compress(body(elements, ExplicitVRLittleEndian)) + deflate.flush()
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    return b"".join(_encode(e, order, syntax != ImplicitVRLittleEndian) for e in elements)


def _encode(e: Element, order: str, explicit: bool) -> bytes:
    tag = struct.pack(f"{order}HH", e.tag >> 16, e.tag & 0xFFFF)
    length = len(e.value) if e.length is None else e.length
    if not explicit:
        return tag + struct.pack(f"{order}L", length) + e.value
    vr = e.vr.encode("latin-1")[:2].ljust(2)
    if e.vr in _LONG:
        return tag + vr + struct.pack(f"{order}HL", 0, length) + e.value
    return tag + vr + struct.pack(f"{order}H", length & 0xFFFF) + e.value


def part10(data_set: bytes, syntax: str, meta: list[Element] | None = None) -> bytes:
    """Return a Part 10 file; `meta` replaces the minimal file meta information."""
    elements = meta or [element("TransferSyntaxUID", syntax.encode())]
    encoded = body(elements, ExplicitVRLittleEndian)
    length = element("FileMetaInformationGroupLength", struct.pack("<L", len(encoded)))
    return bytes(128) + b"DICM" + body([length], ExplicitVRLittleEndian) + encoded + data_set


def nest(depth: int, defined: bool) -> bytes:
    """Return nested sequences in Explicit VR Little Endian, with one item each."""
    opened = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, UNDEFINED)
    opened += struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED)
    if not defined:
        return opened * depth
    content = b""
    for _ in range(depth):
        content = struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content
        content = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, len(content)) + content
    return content
