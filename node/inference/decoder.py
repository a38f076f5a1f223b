"""Decode a film's file into pixels, without torch, so that decoder processes stay small."""

import struct
import zlib
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError

from models.images import dicom
from models.images.radiograph import Radiograph
from node.domain.admission.reasons import Reason
from node.domain.errors import Permanent, Rejected, Transient

# pydicom raises these errors if a data set is truncated or an element has an invalid value.
_DAMAGED = (
    BytesLengthException,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


def decode(path: Path) -> Radiograph:
    """Return a film's pixels; raise Rejected if the pixels cannot be scored."""
    ds = _read(path)
    try:
        return dicom.read_radiograph(ds)
    except dicom.PixelError as error:
        raise Rejected(Reason.PIXELS, str(error)) from error


def _read(path: Path) -> Dataset:
    try:
        return dcmread(path)
    except InvalidDicomError as error:
        raise Permanent("the film is damaged: not a DICOM file") from error
    except zlib.error as error:
        raise Permanent("the film is damaged: the deflated data set cannot be inflated") from error
    except _DAMAGED as error:
        raise Permanent(f"the film is damaged: {type(error).__name__}") from error
    except OSError as error:
        if error.errno is None:  # pydicom's error for a sequence without an end
            raise Permanent("the film is damaged: a sequence does not end") from error
        raise Transient(f"the film cannot be read: {error.strerror}") from error
