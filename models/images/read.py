"""Read films from DICOM, PNG and JPEG files."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from models.images.dicom import MAX_PIXELS, PixelError, read_radiograph
from models.images.radiograph import Radiograph

Float = npt.NDArray[np.float32]

_PICTURES = frozenset({".png", ".jpg", ".jpeg"})
_FULL_SCALE = {"L": 255.0, "I;16": 65535.0, "I": 65535.0, "I;16B": 65535.0}
"""Grey value of white by Pillow mode; a 16-bit PNG has the mode I;16, I or I;16B."""


def read_film(path: Path) -> Radiograph:
    """Decode a film in the format that its file name states. Raises PixelError.

    PNG and JPEG files must contain display values with bright bone and square pixels. A colour
    image is accepted if its channels are equal.
    """
    if path.suffix.lower() not in _PICTURES:
        return _read_dicom(path)
    grey = read_grey(path)
    if float(grey.max()) - float(grey.min()) < 1e-3:
        raise PixelError("the film is one flat grey: there is nothing to score")
    return Radiograph(grey)


def read_grey(path: Path) -> Float:
    """Return an image of 8 or 16 bits as float32 (rows, columns) in 0..1. Raises PixelError."""
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PixelError(f"{image.width} x {image.height} pixels is larger than any film")
            if image.mode not in _FULL_SCALE:
                return _grey_of_colour(image)
            return np.asarray(image, np.float32) / np.float32(_FULL_SCALE[image.mode])
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        # Pillow raises SyntaxError for a PNG with broken chunks.
        raise PixelError("the image cannot be decoded") from error


def _grey_of_colour(image: Image.Image) -> Float:
    colour = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
    if float(np.percentile(np.ptp(colour, axis=2), 99.9)) > 0.03:
        raise PixelError("a colour image, not a radiograph")
    grey: Float = colour.mean(axis=2)
    return grey


def _read_dicom(path: Path) -> Radiograph:
    try:
        return read_radiograph(dcmread(path))
    except InvalidDicomError as error:
        raise PixelError("neither DICOM nor a file that ends in .png or .jpg") from error
    except OSError as error:
        raise PixelError(f"the file cannot be read: {error.strerror}") from error
