"""Part 10 files are written byte by byte, with faults that pydicom does not write."""

import struct
from pathlib import Path

from pydicom.datadict import dictionary_VR, tag_for_keyword

_LONG = {"OB", "OW", "UN", "SQ", "UT"}
_GOOD = {
    "SOPClassUID": b"1.2.840.10008.5.1.4.1.1.1\0",
    "SOPInstanceUID": b"1.2.3.4\0",
    "Modality": b"CR",
    "StudyInstanceUID": b"1.2.3.5\0",
    "SeriesInstanceUID": b"1.2.3.6\0",
    "Rows": b"\x00\x08",
    "Columns": b"\x00\x07",
}


def element(keyword: str, value: bytes, vr: str = "") -> bytes:
    """Return one element in Explicit VR Little Endian, with any bytes as its value."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    vr = vr or dictionary_VR(tag)
    form, length = ("<HH2sHI", (0, len(value))) if vr in _LONG else ("<HH2sH", (len(value),))
    return struct.pack(form, tag >> 16, tag & 0xFFFF, vr.encode(), *length) + value


def preamble(syntax: bytes = b"1.2.840.10008.1.2.1") -> bytes:
    """Return a preamble and a minimal file meta information."""
    meta = element("TransferSyntaxUID", syntax + b"\0" * (len(syntax) % 2))
    length = element("FileMetaInformationGroupLength", struct.pack("<I", len(meta)))
    return bytes(128) + b"DICM" + length + meta


def write_header(
    path: Path, values: dict[str, bytes | None], vrs: dict[str, str] | None = None
) -> Path:
    """Write the header of a film with the given values and VRs; None omits an element."""
    elements = {**_GOOD, **values}
    body = b"".join(
        element(keyword, value, (vrs or {}).get(keyword, ""))
        for keyword, value in sorted(elements.items(), key=lambda e: tag_for_keyword(e[0]) or 0)
        if value is not None
    )
    path.write_bytes(preamble() + body)
    return path
