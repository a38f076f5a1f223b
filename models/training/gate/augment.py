"""What is done to pictures while a gate learns: moved, toned, cropped, turned, inverted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from models.gate.net import Kind

_TURN, _ZOOM, _SHIFT, _STRETCH = 7.0, 0.12, 0.06, 0.10
"""Spread of the moves: degrees, shares of the side."""


@dataclass(frozen=True)
class GateBatch:
    """Pictures (n, 1, S, S), ranked, with the answers; -1 or NaN where there is none to learn."""

    picture: Tensor
    kind: Tensor
    turn: Tensor
    inverted: Tensor
    ap: Tensor


@dataclass(frozen=True)
class SeededRandom:
    """Random numbers on one device, from one seed."""

    generator: torch.Generator

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform numbers."""
        drawn = torch.rand(shape, generator=self.generator, device=self.generator.device)
        return low + (high - low) * drawn

    def normal(self, *shape: int) -> Tensor:
        """Normal numbers."""
        return torch.randn(shape, generator=self.generator, device=self.generator.device)

    def below(self, end: int, *shape: int) -> Tensor:
        """Whole numbers under ``end``."""
        return torch.randint(end, shape, generator=self.generator, device=self.generator.device)

    def often(self, share: float, count: int) -> Tensor:
        """True in a share of ``count`` places."""
        return self.uniform(count) < share


def moved(squares: Tensor, there: Tensor, size: int, crop: Tensor, chance: SeededRandom) -> Tensor:
    """Squares (n, 2, S, S) of picture and extent at ``size``, moved a little, or much (``crop``).

    Where ``crop`` (n,) is true, no more than half of the side is left: a part of the body only.
    """
    n, device = len(squares), squares.device
    zoom = 1.0 + chance.normal(n).clamp(-2, 2) * _ZOOM
    zoom = torch.where(crop, chance.uniform(n, low=0.22, high=0.48), zoom)
    shift = chance.normal(2, n) * _SHIFT
    away = chance.uniform(2, n, low=-1.0) * (1 - zoom)
    shift = torch.where(crop, away, shift)
    turn = torch.deg2rad(chance.normal(n) * _TURN)
    stretch = 1.0 + chance.normal(n).clamp(-2, 2) * _STRETCH
    mirror = torch.where(chance.often(0.2, n), -1.0, 1.0)
    cosine, sine = torch.cos(turn) * zoom, torch.sin(turn) * zoom
    theta = torch.stack(
        [
            torch.stack([cosine * mirror, -sine, shift[0]], dim=1),
            torch.stack([sine * mirror, cosine * stretch, shift[1]], dim=1),
        ],
        dim=1,
    )
    both = torch.cat([squares, there.float()], dim=1)
    grid = affine_grid(theta.to(device), [n, 2, size, size], align_corners=False)
    return grid_sample(both, grid, align_corners=False)


def toned(picture: Tensor, chance: SeededRandom) -> Tensor:
    """Uneven exposure, blur, noise, margins of the collimator, a blot; (n, 1, S, S)."""
    n, size = len(picture), picture.shape[-1]
    coarse = chance.normal(n, 1, 3, 3) * chance.uniform(n, 1, 1, 1, high=0.35)
    picture = picture + interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)
    rough = interpolate(picture, scale_factor=0.5, mode="bilinear", antialias=True)
    rough = interpolate(rough, size=(size, size), mode="bilinear")
    picture = torch.where(chance.often(0.25, n)[:, None, None, None], rough, picture)
    picture = picture + chance.normal(*picture.shape) * chance.uniform(n, 1, 1, 1, high=0.06)
    line = torch.linspace(0, 1, size, device=picture.device)
    edge = chance.uniform(4, n, high=0.12) * (chance.uniform(4, n) < 0.2)
    across, down = line[None, :], line[None, :]
    inside = (
        ((down >= edge[0][:, None]) & (down <= 1 - edge[1][:, None]))[:, :, None]
        & ((across >= edge[2][:, None]) & (across <= 1 - edge[3][:, None]))[:, None, :]
    )[:, None]
    level = chance.below(2, n, 1, 1, 1).float() * 1.6 - 0.3
    picture = torch.where(inside, picture, level)
    centre, radius = chance.uniform(2, n), chance.uniform(n, low=0.03, high=0.14)
    blot = (line[None, :, None] - centre[0][:, None, None]).abs().maximum(
        (line[None, None, :] - centre[1][:, None, None]).abs()
    ) < radius[:, None, None]
    blot &= chance.often(0.2, n)[:, None, None]
    return torch.where(blot[:, None], chance.uniform(n, 1, 1, 1), picture)


def turned(picture: Tensor, quarters: Tensor) -> Tensor:
    """Each picture (n, 1, S, S) turned counter-clockwise by its number of quarter turns (n,)."""
    ways = torch.stack([torch.rot90(picture, k, (2, 3)) for k in range(4)])
    return ways[quarters, torch.arange(len(picture), device=picture.device)]


def scrambled(picture: Tensor, chance: SeededRandom) -> Tensor:
    """The pieces of each picture (n, 1, S, S) in another order: bones of a chest, and no chest."""
    n, size = len(picture), picture.shape[-1]
    parts = 4
    step = math.ceil(size / parts)
    padded = interpolate(picture, size=(step * parts, step * parts), mode="bilinear")
    tiles = padded.view(n, parts, step, parts, step).permute(0, 1, 3, 2, 4)
    tiles = tiles.reshape(n, parts * parts, step, step)
    order = chance.uniform(n, parts * parts).argsort(dim=1)
    mixed = tiles.gather(1, order[:, :, None, None].expand_as(tiles))
    mixed = mixed.view(n, parts, parts, step, step).permute(0, 1, 3, 2, 4)
    whole = mixed.reshape(n, 1, step * parts, step * parts)
    return interpolate(whole, size=(size, size), mode="bilinear")


def is_chest(kind: Tensor) -> Tensor:
    """Whether there is a right way up."""
    return kind != int(Kind.OTHER)
