"""Pixel data: `decode` returns display values or raises an error with a message of one line."""

import struct
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.encaps import encapsulate, get_frame, itemize_fragment
from pydicom.tag import Tag

from node.domain.errors import OsteoScreenError
from node.inference.decoder import decode
from tests.fuzz.chance import LONG_NUMBERS, NUMBERS, mutate, weighted_choice
from tests.fuzz.corpus import films
from tests.fuzz.surface import InvariantViolation, check_one_line
from tests.fuzz.texts import hostile_text

CRASHES_SURVIVED = True
"""A crash is no finding, because the node runs the C decoders in separate processes."""

_SHAPE = (
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "SamplesPerPixel",
    "PlanarConfiguration",
)
_PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR")
_SCALE = (
    "RescaleSlope",
    "RescaleIntercept",
    "WindowCenter",
    "WindowWidth",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "PixelAspectRatio",
    "NumberOfFrames",
    "PresentationLUTShape",
    "VOILUTFunction",
)


def prepare() -> None:
    """Create the films before the first case is timed."""
    films()


def run(rnd: Random, folder: Path) -> str:
    """Decode one hostile film."""
    path = folder / "film.dcm"
    path.write_bytes(_hostile(rnd))
    try:
        image = decode(path)
    except OsteoScreenError as error:
        check_one_line(error)
        return "refused"
    finally:
        path.unlink()
    pixels = image.pixels
    if pixels.ndim != 2 or pixels.dtype != np.float32 or not pixels.size:
        raise InvariantViolation(f"not an image: {pixels.shape} of {pixels.dtype}")
    if not (pixels.min() >= 0 and pixels.max() <= 1):
        raise InvariantViolation(f"values from {pixels.min()} to {pixels.max()}")
    if not 0.2 <= image.aspect <= 5:
        raise InvariantViolation(f"an aspect ratio of {image.aspect}")
    return "decoded"


def _hostile(rnd: Random) -> bytes:
    original = rnd.choice(films())
    return weighted_choice(rnd, (35, _codestream), (30, _header), (20, _fragments), (15, _bytes))(
        rnd, original
    )


def _bytes(rnd: Random, original: bytes) -> bytes:
    return mutate(rnd, original, start=rnd.choice((132, len(original) // 2)))


def _header(rnd: Random, original: bytes) -> bytes:
    """Change header elements that describe the pixels or their display."""
    ds = dcmread(BytesIO(original))
    for _ in range(rnd.choice((1, 1, 2, 3))):
        match rnd.randrange(6):
            case 0:
                ds.PhotometricInterpretation = rnd.choice(_PHOTOMETRIC)
            case 1:
                _raw(ds, rnd.choice(_SCALE), hostile_text(rnd))
            case 2:
                _table(rnd, ds)
            case 3:
                _raw(ds, "PixelPaddingValue", struct.pack("<H", rnd.choice(NUMBERS)))
            case _:
                _raw(ds, rnd.choice(_SHAPE), struct.pack("<H", rnd.choice(NUMBERS)))
    return _encode_file(ds, original)


def _raw(ds: Dataset, keyword: str, value: bytes) -> None:
    """Set an element to raw bytes, which pydicom would not accept."""
    tag = Tag(keyword)
    vr, value = dictionary_VR(tag)[:2], value[:65532]
    implicit, little = ds.original_encoding
    ds[tag] = RawDataElement(tag, vr, len(value), value, 0, bool(implicit), bool(little))


def _table(rnd: Random, ds: Dataset) -> None:
    """Add a Modality or VOI LUT whose descriptor does not match its data."""
    item = Dataset()
    descriptor = [rnd.choice(NUMBERS) for _ in range(rnd.choice((3, 3, 3, 2, 4)))]
    item.add_new("LUTDescriptor", "US", descriptor)
    item.add_new("LUTData", "OW", rnd.randbytes(rnd.choice((0, 1, 2, 512, 8192))))
    setattr(ds, rnd.choice(("ModalityLUTSequence", "VOILUTSequence")), [item])


def _codestream(rnd: Random, original: bytes) -> bytes:
    """Mutate the codestream, often its header."""
    ds = dcmread(BytesIO(original))
    content = _content(ds)
    changed = mutate(rnd, content[:120], max_changes=4) + content[120:]
    if rnd.random() < 0.5:
        changed = mutate(rnd, content)
    return _with_content(ds, changed, original)


def _fragments(rnd: Random, original: bytes) -> bytes:
    """Split the codestream, omit fragments, and write a wrong offset table."""
    ds = dcmread(BytesIO(original))
    if not ds.file_meta.TransferSyntaxUID.is_encapsulated:
        return _with_content(ds, mutate(rnd, _content(ds)), original)
    content = _content(ds)
    cuts = sorted(rnd.randrange(len(content)) for _ in range(rnd.choice((0, 1, 3, 30))))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    if rnd.random() < 0.3:
        pieces = rnd.sample(pieces, rnd.randrange(len(pieces) + 1))
    table = b"".join(struct.pack("<L", rnd.choice(LONG_NUMBERS)) for _ in range(rnd.randrange(4)))
    items = [struct.pack("<HHL", 0xFFFE, 0xE000, len(table)) + table]
    items += [itemize_fragment(piece) for piece in pieces]
    if rnd.random() < 0.3:
        at = rnd.randrange(len(items))
        items[at] = items[at][:4] + struct.pack("<L", rnd.choice(LONG_NUMBERS)) + items[at][8:]
    ds.PixelData = b"".join(items)
    if rnd.random() < 0.1:
        ds.add_new("ExtendedOffsetTable", "OV", rnd.randbytes(8))
        ds.add_new("ExtendedOffsetTableLengths", "OV", rnd.randbytes(8))
    return _encode_file(ds, original)


def _content(ds: Dataset) -> bytes:
    """Return native pixel data, or the codestream."""
    if ds.file_meta.TransferSyntaxUID.is_encapsulated:
        return get_frame(ds.PixelData, 0, number_of_frames=1)
    return bytes(ds.PixelData)


def _with_content(ds: Dataset, content: bytes, original: bytes) -> bytes:
    encapsulated = ds.file_meta.TransferSyntaxUID.is_encapsulated
    ds.PixelData = encapsulate([content]) if encapsulated and content else content
    return _encode_file(ds, original)


def _encode_file(ds: Dataset, original: bytes) -> bytes:
    """Return the file; if pydicom cannot write the file, return a truncated original."""
    file = BytesIO()
    try:
        ds.save_as(file)
    except (ValueError, TypeError, AttributeError, OSError, struct.error):
        return original[: len(original) * 3 // 4]
    return file.getvalue()
