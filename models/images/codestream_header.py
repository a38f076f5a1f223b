"""Read the image size from a codestream before a decoder uses it.

A decoder allocates memory for the size in the codestream, not for the size in the DICOM header. A
film of a few hundred bytes could therefore request gigabytes.
"""

import struct
from dataclasses import dataclass

_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_JPEG_LS_START = b"\xff\xd8\xff\xf7"
_JPEG_2000_START = b"\xff\x4f\xff\x51"  # SOC and SIZ, which always follow each other
_WITHIN = 4096  # bytes within which the codestream of a JP2 file starts
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_EXTENSION, _SIZE_EXTENSION = 0xF8, 4  # JPEG-LS, ITU-T T.87 C.2.4.1.4
_SCAN = 0xDA


@dataclass(frozen=True)
class AnnouncedImage:
    """Size of an image in a codestream. ``samples`` (per pixel) is None if it is not stated."""

    rows: int
    columns: int
    samples: int | None


def announced_images(codestream: bytes) -> list[AnnouncedImage]:
    """Return each image size in the codestream; the list is empty if there is no header.

    Sizes are read from JPEG and JPEG-LS frame headers (ITU-T T.81 B.2.2, T.87 C.2.2) and JPEG 2000
    SIZ segments (T.800 A.5.1).
    """
    if codestream.startswith(_JPEG_START):
        return _jpeg(codestream)
    images, at = [], codestream.find(_JPEG_2000_START, 0, _WITHIN)
    while at >= 0 and len(codestream) >= at + 42:
        right, bottom, left, top = struct.unpack_from(">4L", codestream, at + 8)
        (samples,) = struct.unpack_from(">H", codestream, at + 40)
        images.append(AnnouncedImage(bottom - top, right - left, samples))
        at = codestream.find(_JPEG_2000_START, at + 4, _WITHIN)
    return images


def is_cut_short(codestream: bytes) -> bool:
    """Return whether the end of a JPEG-LS codestream is missing.

    CharLS refuses a codestream without its end, but sometimes only after seconds.
    """
    return codestream.startswith(_JPEG_LS_START) and _JPEG_END not in codestream


def _jpeg(codestream: bytes) -> list[AnnouncedImage]:
    """Read the image sizes from the marker segments before the first scan."""
    images, at = [], 2
    while len(codestream) >= at + 10:
        if codestream[at] != 0xFF or codestream[at + 1] == 0xFF:
            at += 1  # fill bytes, and bytes that decoders skip
            continue
        marker = codestream[at + 1]
        if marker == _SCAN:
            break
        (length,) = struct.unpack_from(">H", codestream, at + 2)
        if marker in _FRAME_HEADERS:
            images.append(AnnouncedImage(*struct.unpack_from(">HHB", codestream, at + 5)))
        elif marker == _EXTENSION and codestream[at + 4] == _SIZE_EXTENSION:
            images.append(_extended(codestream, at + 5))
        at += 2 + length
    return images


def _extended(codestream: bytes, at: int) -> AnnouncedImage:
    width = codestream[at]
    rows = codestream[at + 1 : at + 1 + width]
    columns = codestream[at + 1 + width : at + 1 + 2 * width]
    return AnnouncedImage(int.from_bytes(rows), int.from_bytes(columns), None)
