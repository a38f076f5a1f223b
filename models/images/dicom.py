"""Decode a DICOM data set to the film as a viewer displays it.

The steps are stored values, Modality LUT, VOI LUT or window, and polarity. Header values are not
trusted. An implausible value is ignored if the standard permits this; otherwise ``PixelError`` is
raised.
"""

import math
import struct

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom._uid_dict import UID_dictionary
from pydicom.encaps import get_frame
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_modality_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from models.images.codestream_header import announced_images, is_cut_short
from models.images.grayscale_pipeline import (
    Levels,
    Stored,
    Values,
    grey_of_colour,
    levels_of,
    look_up,
)
from models.images.radiograph import Radiograph

MAX_PIXELS = 12_000**2
"""Maximum number of pixels. Detectors make smaller films, and decoding needs much memory."""

_DECODING = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""Exceptions of pydicom and its plug-ins for broken or unsupported pixel data."""

_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


class PixelError(ValueError):
    """The pixels cannot be read as one grey film. The message states cause and remedy."""


def read_radiograph(ds: Dataset) -> Radiograph:
    """Decode ``ds`` and convert it to display values. Raises PixelError."""
    _check_shape(ds)
    stored = _decode(ds)
    if stored.ndim == 3:
        stored = _grey(stored)
    levels = levels_of(stored)
    padding = _padding(ds, levels)
    levels = levels.without(padding)
    display = _display(ds, _modality(ds, levels.stored), levels)
    if _inverted(ds):
        display = 1.0 - display
    display = np.where(padding, 0.0, display)
    if np.ptp(display) < 1e-3:
        raise PixelError("the film is one flat grey: there is nothing to score; send it again")
    return Radiograph(look_up(stored, levels, display), _aspect(ds))


def _check_shape(ds: Dataset) -> None:
    """Raise PixelError if the header shows that the film must not be decoded."""
    if "PixelData" not in ds:
        raise PixelError("no Pixel Data: only images can be scored")
    rows, columns = _number(ds, "Rows"), _number(ds, "Columns")
    if not rows or not columns or rows < 1 or columns < 1:
        raise PixelError("Rows or Columns is missing or zero: have the sender repair the header")
    if rows * columns > MAX_PIXELS:
        raise PixelError(f"{rows:.0f} x {columns:.0f} pixels is larger than any radiograph")
    if (_number(ds, "NumberOfFrames") or 1) > 1:
        raise PixelError("more than one frame: send the films as single images")
    if _code_string(ds, "PhotometricInterpretation") not in (*_GREY, *_COLOUR):
        raise PixelError("Photometric Interpretation is neither grey scale nor true colour")


def _decode(ds: Dataset) -> Stored:
    """Return the stored values, (rows, columns) or (rows, columns, 3) in RGB."""
    syntax = getattr(getattr(ds, "file_meta", None), "TransferSyntaxUID", None)
    try:
        if syntax is not None and syntax.is_encapsulated:
            _check_codestream(ds)
        stored = _unpack(ds)
    except PixelError:
        raise
    except _DECODING as error:
        name = "an unknown transfer syntax"
        if isinstance(syntax, UID) and syntax in UID_dictionary:
            name = syntax.name
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        printable = "".join(c if c.isprintable() else "?" for c in reason[:200])
        raise PixelError(
            f"the pixels do not decode from {name} ({printable}); "
            "have the sender use Explicit VR Little Endian"
        ) from error
    colour = _code_string(ds, "PhotometricInterpretation") in _COLOUR
    if stored.ndim != (3 if colour else 2) or (colour and stored.shape[2] != 3):
        raise PixelError(f"decoded to {stored.shape}, not one film: the header contradicts itself")
    return stored


def _check_codestream(ds: Dataset) -> None:
    """Refuse a codestream whose image size differs from the header."""
    offsets = (
        (ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths)
        if "ExtendedOffsetTable" in ds and "ExtendedOffsetTableLengths" in ds
        else None
    )
    codestream = get_frame(ds.PixelData, 0, number_of_frames=1, extended_offsets=offsets)
    if is_cut_short(codestream):
        raise PixelError("the codestream has no end: have the sender send the film again")
    for image in announced_images(codestream):
        if (image.rows, image.columns) != (ds.Rows, ds.Columns):
            raise PixelError(
                f"the codestream holds {image.rows} x {image.columns} pixels, the header states "
                f"{ds.Rows} x {ds.Columns}: have the sender repair the film"
            )
        if image.samples not in (None, ds.SamplesPerPixel):
            raise PixelError(
                f"the codestream has {image.samples} samples a pixel, the header states "
                f"{ds.SamplesPerPixel}: have the sender repair the film"
            )


def _unpack(ds: Dataset) -> Stored:
    """Decode the pixels. The RLE decoder, which is written in Rust, may raise a BaseException."""
    try:
        return pixel_array(ds)
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise RuntimeError("the decoder failed") from error
        raise


def _grey(stored: Stored) -> Stored:
    """Return the grey values of a grey image that is stored in a colour format."""
    grey = grey_of_colour(stored, limit=0.03 * max(1.0, float(stored.max())))
    if grey is None:
        raise PixelError("a colour image, not a radiograph: send the grey original")
    return grey


def _padding(ds: Dataset, levels: Levels) -> npt.NDArray[np.bool_]:
    """Return for each level whether it is padding (PS3.3 C.7.5.1.1.2)."""
    first = _number(ds, "PixelPaddingValue")
    if first is None:
        return np.zeros(levels.stored.shape, bool)
    limit = _number(ds, "PixelPaddingRangeLimit")
    last = first if limit is None else limit
    values = levels.stored.astype(np.float64)
    padding: npt.NDArray[np.bool_] = (values >= min(first, last)) & (values <= max(first, last))
    if padding.all():
        raise PixelError("every pixel is padding: there is nothing to score; send it again")
    return padding


def _modality(ds: Dataset, stored: Stored) -> Values:
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.asarray(apply_modality_lut(stored, ds), np.float64)
    except _DECODING as error:
        raise PixelError("the Modality LUT is broken: have the sender repair it") from error
    if not np.isfinite(values).all():
        raise PixelError("Rescale Slope or Intercept is not a number: have the sender repair it")
    return values


def _display(ds: Dataset, values: Values, levels: Levels) -> Values:
    """Return display values 0..1 from the VOI LUT, the window, or the range of the values."""
    picture = levels.picture
    for display in (_voi_lut(ds, values), _window(ds, values)):
        # A window outside the range of the data gives one flat grey, so it is ignored.
        if display is not None and np.ptp(display[picture]) > 0.02:
            return display
    stored_bits = _number(ds, "BitsStored") or 16
    if stored_bits <= 8 and "RescaleSlope" not in ds and "ModalityLUTSequence" not in ds:
        low, high = 0.0, 255.0
    else:
        low, high = (levels.percentile(values, percent) for percent in (0.1, 99.9))
    if high <= low:
        low, high = float(values[picture].min()), float(values[picture].max())
    if high <= low:
        raise PixelError("the film is one flat grey: there is nothing to score; send it again")
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _voi_lut(ds: Dataset, values: Values) -> Values | None:
    """Apply the VOI LUT (PS3.3 C.11.2.1.1); return None if there is no usable table."""
    try:
        item = ds.VOILUTSequence[0]
        count, first, bits = (int(part) for part in item.LUTDescriptor)
        data = item.LUTData
        if isinstance(data, bytes):
            data = np.frombuffer(data, np.uint8 if bits <= 8 else np.dtype("<u2"))
        table = np.asarray(data, np.float64).ravel()
    except _DECODING:
        return None
    count = count or 65536
    if len(table) < 2 or count > len(table) or not 1 <= bits <= 16:
        return None
    # If a Modality LUT yields negative values, the first input of the VOI LUT is signed.
    if first >= 32768 and values.min() < 0:
        first -= 65536
    index = np.clip(values - first, 0, count - 1).astype(np.intp)
    top = float(2**bits - 1)
    # Some senders declare 16 bits but use only 12 of them.
    if table[:count].max() < top / 2:
        top = float(table[:count].max()) or 1.0
    return np.clip(table[index] / top, 0.0, 1.0)


def _window(ds: Dataset, values: Values) -> Values | None:
    """Apply the window (PS3.3 C.11.2.1.2 and .3); return None if there is no usable window."""
    centre, width = _number(ds, "WindowCenter"), _number(ds, "WindowWidth")
    if centre is None or width is None or width <= 0:
        return None
    function = _code_string(ds, "VOILUTFunction")
    if function == "SIGMOID":
        display: Values = 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - centre) / width, -60, 60)))
        return display
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0.0, 1.0)
    if width < 1:
        return None
    # A window of width 1 is a step; the standard's formula would divide by zero.
    scaled = (values - (centre - 0.5)) / max(width - 1.0, 1e-6) + 0.5
    return np.clip(scaled, 0.0, 1.0)


def _inverted(ds: Dataset) -> bool:
    """Return whether low values are bright (Presentation LUT Shape, Photometric Interpretation)."""
    shape = _code_string(ds, "PresentationLUTShape")
    if shape in ("IDENTITY", "INVERSE"):
        return shape == "INVERSE"
    return _code_string(ds, "PhotometricInterpretation") == "MONOCHROME1"


def _aspect(ds: Dataset) -> float:
    """Return row spacing divided by column spacing, from the first plausible attribute."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        down, right = _number(ds, keyword, 0), _number(ds, keyword, 1)
        if down is None or right is None or down <= 0 or right <= 0:
            continue
        if 0.2 <= down / right <= 5.0:
            return down / right
    return 1.0


def _number(ds: Dataset, keyword: str, index: int = 0) -> float | None:
    """Return the value of an attribute if it is a finite number, otherwise None."""
    try:
        value = ds.get(keyword)
        if isinstance(value, MultiValue | list | tuple):
            value = value[index]
        elif index:
            return None
        number = float(value)
    except _DECODING:
        return None
    return number if math.isfinite(number) else None


def _code_string(ds: Dataset, keyword: str) -> str:
    """Return a code string in upper case, or an empty text."""
    try:
        value = ds.get(keyword)
    except _DECODING:
        return ""
    return value.strip().upper() if isinstance(value, str) else ""
