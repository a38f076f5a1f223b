"""From a film's file to its pixels: the one way, for the analyst and for screening alike.

Loads no torch, so that processes which only decode stay small.
"""

import struct
import zlib
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError

from models.images import dicom
from models.images.radiograph import Radiograph
from node.domain.admission.reasons import Reason
from node.domain.errors import Permanent, Rejected, Transient

# What pydicom raises where the data set breaks off, or its elements are not what they say.
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
    """Read a film's pixels; raise Rejected for what cannot be scored."""
    ds = _read(path)
    try:
        return dicom.read_radiograph(ds)
    except dicom.PixelError as error:
        raise Rejected(Reason.PIXELS, str(error)) from error


def _read(path: Path) -> Dataset:
    try:
        return dcmread(path)
    except InvalidDicomError as error:
        raise Permanent("the film is damaged: it is no DICOM file") from error
    except zlib.error as error:
        raise Permanent("the film is damaged: it does not inflate") from error
    except _DAMAGED as error:
        raise Permanent(f"the film is damaged: {type(error).__name__}") from error
    except OSError as error:
        if error.errno is None:  # pydicom's own, of a sequence that does not end
            raise Permanent("the film is damaged: a sequence does not end") from error
        raise Transient(f"the film cannot be read: {error.strerror}") from error
