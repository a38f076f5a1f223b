"""Augmentation of the gate's training images: geometry, tone, crops, rotation."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

_TURN, _ZOOM, _SHIFT, _STRETCH = 7.0, 0.12, 0.06, 0.10
"""Standard deviations of rotation (degrees), zoom, shift and stretch (shares of the side)."""


@dataclass(frozen=True)
class GateBatch:
    """Rank-transformed images (n, 1, S, S) with targets; a missing target is -1 or NaN."""

    image: Tensor
    kind: Tensor
    turn: Tensor
    inverted: Tensor
    ap: Tensor


@dataclass(frozen=True)
class SeededRandom:
    """Random numbers from one generator, on the generator's device."""

    generator: torch.Generator

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Return uniform numbers."""
        numbers = torch.rand(shape, generator=self.generator, device=self.generator.device)
        return low + (high - low) * numbers

    def normal(self, *shape: int) -> Tensor:
        """Return standard normal numbers."""
        return torch.randn(shape, generator=self.generator, device=self.generator.device)

    def integers(self, end: int, *shape: int) -> Tensor:
        """Return integers from 0 to ``end`` - 1."""
        return torch.randint(end, shape, generator=self.generator, device=self.generator.device)

    def flags(self, share: float, count: int) -> Tensor:
        """Return ``count`` flags, each True with probability ``share``."""
        return self.uniform(count) < share


def transform(
    squares: Tensor, mask: Tensor, size: int, crop: Tensor, random: SeededRandom
) -> Tensor:
    """Return randomly transformed images and masks, (n, 2, size, size).

    ``squares`` and ``mask`` are (n, 1, S, S). If ``crop`` (n,) is True, the image is cut to a
    section with less than half of the side.
    """
    n, device = len(squares), squares.device
    zoom = 1.0 + random.normal(n).clamp(-2, 2) * _ZOOM
    zoom = torch.where(crop, random.uniform(n, low=0.22, high=0.48), zoom)
    shift = random.normal(2, n) * _SHIFT
    crop_shift = random.uniform(2, n, low=-1.0) * (1 - zoom)
    shift = torch.where(crop, crop_shift, shift)
    turn = torch.deg2rad(random.normal(n) * _TURN)
    stretch = 1.0 + random.normal(n).clamp(-2, 2) * _STRETCH
    mirror = torch.where(random.flags(0.2, n), -1.0, 1.0)
    cosine, sine = torch.cos(turn) * zoom, torch.sin(turn) * zoom
    theta = torch.stack(
        [
            torch.stack([cosine * mirror, -sine, shift[0]], dim=1),
            torch.stack([sine * mirror, cosine * stretch, shift[1]], dim=1),
        ],
        dim=1,
    )
    stacked = torch.cat([squares, mask.float()], dim=1)
    grid = affine_grid(theta.to(device), [n, 2, size, size], align_corners=False)
    return grid_sample(stacked, grid, align_corners=False)


def change_tone(image: Tensor, random: SeededRandom) -> Tensor:
    """Add uneven exposure, blur, noise, collimator margins and a rectangle to each image."""
    n, size = len(image), image.shape[-1]
    coarse = random.normal(n, 1, 3, 3) * random.uniform(n, 1, 1, 1, high=0.35)
    image = image + interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)
    blurred = interpolate(image, scale_factor=0.5, mode="bilinear", antialias=True)
    blurred = interpolate(blurred, size=(size, size), mode="bilinear")
    image = torch.where(random.flags(0.25, n)[:, None, None, None], blurred, image)
    image = image + random.normal(*image.shape) * random.uniform(n, 1, 1, 1, high=0.06)
    line = torch.linspace(0, 1, size, device=image.device)
    edge = random.uniform(4, n, high=0.12) * (random.uniform(4, n) < 0.2)
    rows = (line >= edge[0][:, None]) & (line <= 1 - edge[1][:, None])  # (n, S)
    columns = (line >= edge[2][:, None]) & (line <= 1 - edge[3][:, None])  # (n, S)
    inside = (rows[:, :, None] & columns[:, None, :])[:, None]
    level = random.integers(2, n, 1, 1, 1).float() * 1.6 - 0.3
    image = torch.where(inside, image, level)
    centre, radius = random.uniform(2, n), random.uniform(n, low=0.03, high=0.14)
    rectangle = (line[None, :, None] - centre[0][:, None, None]).abs().maximum(
        (line[None, None, :] - centre[1][:, None, None]).abs()
    ) < radius[:, None, None]
    rectangle &= random.flags(0.2, n)[:, None, None]
    return torch.where(rectangle[:, None], random.uniform(n, 1, 1, 1), image)


def rotate_quarters(image: Tensor, quarters: Tensor) -> Tensor:
    """Rotate each image (n, 1, S, S) counter-clockwise by its number of quarter turns (n,)."""
    rotations = torch.stack([torch.rot90(image, k, (2, 3)) for k in range(4)])
    return rotations[quarters, torch.arange(len(image), device=image.device)]


def shuffle_tiles(image: Tensor, random: SeededRandom) -> Tensor:
    """Put the 4 x 4 tiles of each image (n, 1, S, S) in random order."""
    n, size = len(image), image.shape[-1]
    parts = 4
    step = math.ceil(size / parts)
    padded = interpolate(image, size=(step * parts, step * parts), mode="bilinear")
    tiles = padded.view(n, parts, step, parts, step).permute(0, 1, 3, 2, 4)
    tiles = tiles.reshape(n, parts * parts, step, step)
    order = random.uniform(n, parts * parts).argsort(dim=1)
    mixed = tiles.gather(1, order[:, :, None, None].expand_as(tiles))
    mixed = mixed.view(n, parts, parts, step, step).permute(0, 1, 3, 2, 4)
    joined = mixed.reshape(n, 1, step * parts, step * parts)
    return interpolate(joined, size=(size, size), mode="bilinear")
