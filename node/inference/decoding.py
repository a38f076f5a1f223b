"""From a film's file to its pixels: the one way, for the analyst and for screening alike.

Loads no torch, so that processes which only decode stay small.
"""

from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from models import pixels
from node.domain.admission import Reason
from node.domain.errors import Permanent, Rejected, Transient
from node.domain.prediction import Radiograph


def decode(path: Path) -> Radiograph:
    """Read a film's pixels; raise Rejected for what cannot be scored."""
    try:
        film = pixels.read_radiograph(dcmread(path))
    except OSError as error:
        raise Transient(f"the film cannot be read: {error.strerror}") from error
    except InvalidDicomError as error:
        raise Permanent("the film is damaged: it is no DICOM file") from error
    except pixels.PixelError as error:
        raise Rejected(Reason.PIXELS, str(error)) from error
    return Radiograph(pixels=film.pixels, aspect=film.aspect)
