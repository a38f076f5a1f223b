"""Convert a film to the net's input. Training and the node use the same conversion."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch.nn.functional import interpolate

from models.images.radiograph import FieldOfView, Radiograph

Float = npt.NDArray[np.float32]

CONTRAST = 0.02
"""``asinh`` is nearly logarithmic above this local contrast (as a share of the display range)."""

TONE = 0.3
"""Weight of the grey level relative to the local contrast."""


@dataclass(frozen=True)
class Prepared:
    """The net's input, float32 (1, size, size), and its field of view."""

    array: Float
    field_of_view: FieldOfView


def prepare(film: Radiograph, size: int) -> Prepared:
    """Correct the aspect, pad to a square, resize to ``size`` and transform for the net.

    The transform of a pixel x is asinh((x - lowpass) / 0.02) + 0.3 * z-score. The padding is 0.
    """
    rows, columns = film.pixels.shape
    tall = rows * film.aspect
    side = max(tall, float(columns))
    height = max(1, round(size * tall / side))
    width = max(1, round(size * columns / side))
    content = transform(_resize(film.pixels, height, width), size / 32)
    top, left = (size - height) // 2, (size - width) // 2
    array = np.zeros((1, size, size), np.float32)
    array[0, top : top + height, left : left + width] = content
    down, right = rows / height, columns / width
    field_of_view = FieldOfView(-top * down, -left * right, size * down, size * right)
    return Prepared(array, field_of_view)


def transform(pixels: Float, sigma: float) -> Float:
    """Return compressed local contrast plus a share of the grey level, for each pixel."""
    pixels = np.ascontiguousarray(pixels, np.float32)
    lowpass = ndimage.gaussian_filter(pixels, sigma, mode="nearest", truncate=3.0)
    spread = max(float(pixels.std()), 1e-6)
    tone = (pixels - pixels.mean()) / spread
    transformed: Float = np.arcsinh((pixels - lowpass) / CONTRAST) + np.float32(TONE) * tone
    return transformed


def _resize(pixels: Float, height: int, width: int) -> Float:
    if pixels.shape == (height, width):
        return pixels
    # Without antialiasing, a film of 3,000 px resized to 384 px would show moire patterns.
    source = torch.from_numpy(np.ascontiguousarray(pixels, np.float32))[None, None]
    resized = interpolate(
        source, size=(height, width), mode="bilinear", antialias=True, align_corners=False
    )
    return resized[0, 0].numpy()
