"""From a film to the gate's picture: shape alone, whatever the tone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from models.images.radiograph import Radiograph

Float = npt.NDArray[np.float32]

_LEVELS = 1024


def squared(film: Radiograph, size: int) -> tuple[Float, tuple[int, int]]:
    """The film in its true proportions in the middle of a square (size, size), 0 around it.

    With it the film's own height and width there.
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


def inside(extent: Tensor, size: int) -> Tensor:
    """Where in its square each film lies, (n, 1, size, size), given heights and widths (n, 2)."""
    line = torch.arange(size, device=extent.device)
    first = (size - extent) // 2
    within = (line >= first[..., None]) & (line < (first + extent)[..., None])  # (n, 2, size)
    return (within[:, 0, :, None] & within[:, 1, None, :])[:, None]


def ranked(squares: Tensor, there: Tensor) -> Tensor:
    """Each pixel's rank among its film's, -1 to 1; 0 beyond the film. All (n, 1, S, S).

    Windows, tone curves and bit depths do not change ranks, and inversion changes their sign alone.
    """
    flat, mask = squares.flatten(1), there.flatten(1)
    low = flat.masked_fill(~mask, torch.inf).amin(dim=1, keepdim=True)
    high = flat.masked_fill(~mask, -torch.inf).amax(dim=1, keepdim=True)
    level = ((flat - low) / (high - low).clamp_min(1e-6) * (_LEVELS - 1)).round()
    level = level.nan_to_num(0.0).clamp(0, _LEVELS - 1).long()
    counts = torch.zeros(len(flat), _LEVELS, device=flat.device)
    counts.scatter_add_(1, level, mask.float())
    # A level's pixels share its middle rank.
    middle = (counts.cumsum(dim=1) - counts / 2) / counts.sum(dim=1, keepdim=True).clamp_min(1)
    rank = (2 * middle - 1).gather(1, level)
    return rank.masked_fill(~mask, 0.0).view_as(squares)


def picture(film: Radiograph, size: int) -> Tensor:
    """The gate's picture of a film, float32 (1, size, size)."""
    square, extent = squared(film, size)
    there = inside(torch.tensor([extent]), size)
    return ranked(torch.from_numpy(square)[None, None], there)[0]
