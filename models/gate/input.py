"""Convert a film to the gate's input, which does not depend on the tone curve."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from models.images.radiograph import Radiograph

Float = npt.NDArray[np.float32]

_LEVELS = 1024


def to_square(film: Radiograph, size: int) -> tuple[Float, tuple[int, int]]:
    """Return a square (size, size) with the film, and the film's height and width in it.

    The film is resized so that its pixels are square. Zeros surround the film.
    """
    rows, columns = film.pixels.shape
    tall = rows * film.aspect
    side = max(tall, float(columns))
    height, width = (max(1, round(size * length / side)) for length in (tall, columns))
    source = torch.from_numpy(np.ascontiguousarray(film.pixels, np.float32))[None, None]
    small = interpolate(source, (height, width), mode="bilinear", antialias=True)[0, 0].numpy()
    square = np.zeros((size, size), np.float32)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = small
    return square, (height, width)


def film_mask(extent: Tensor, size: int) -> Tensor:
    """Return masks (n, 1, size, size) that are True on the film, from extents (n, 2)."""
    line = torch.arange(size, device=extent.device)
    first = (size - extent) // 2
    within = (line >= first[..., None]) & (line < (first + extent)[..., None])  # (n, 2, size)
    return (within[:, 0, :, None] & within[:, 1, None, :])[:, None]


def rank_pixels(squares: Tensor, inside: Tensor) -> Tensor:
    """Return each pixel's rank in its film, -1 to 1, and 0 outside the film, (n, 1, S, S).

    Ranks do not depend on window, tone curve and bit depth. An inverted film has ranks of
    opposite sign.
    """
    flat, mask = squares.flatten(1), inside.flatten(1)
    low = flat.masked_fill(~mask, torch.inf).amin(dim=1, keepdim=True)
    high = flat.masked_fill(~mask, -torch.inf).amax(dim=1, keepdim=True)
    level = ((flat - low) / (high - low).clamp_min(1e-6) * (_LEVELS - 1)).round()
    level = level.nan_to_num(0.0).clamp(0, _LEVELS - 1).long()
    counts = torch.zeros(len(flat), _LEVELS, device=flat.device)
    counts.scatter_add_(1, level, mask.float())
    # All pixels of one grey level get the middle rank of this level.
    middle = (counts.cumsum(dim=1) - counts / 2) / counts.sum(dim=1, keepdim=True).clamp_min(1)
    rank = (2 * middle - 1).gather(1, level)
    return rank.masked_fill(~mask, 0.0).view_as(squares)


def gate_input(film: Radiograph, size: int) -> Tensor:
    """Return the gate's input for a film, float32 (1, size, size)."""
    square, extent = to_square(film, size)
    inside = film_mask(torch.tensor([extent]), size)
    return rank_pixels(torch.from_numpy(square)[None, None], inside)[0]
