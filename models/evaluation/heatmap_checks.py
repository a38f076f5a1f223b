"""Heat is measured, not admired: does it lie on bone, does it come from the weights, does it last?

Tests after J. Adebayo et al., NeurIPS 2018 (weight randomisation) and N. Arun et al., Radiology:
Artificial Intelligence 2021;3:e200267 (repeatability, structural similarity of maps).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from models.bundle.score import Bundle, Score, score
from models.images.dicom import Radiograph
from models.images.grayscale_pipeline import Float
from models.images.preprocess import Placement

_SHOWN = 192
"""Side in pixels at which maps are compared: smooth, as people see them."""


@dataclass(frozen=True)
class BoneHeat:
    """Shares of one film that lie in the bone mask: of the positive heat, and of the area."""

    heat: float
    area: float

    @property
    def ratio(self) -> float:
        """How many times more heat bone has than an even spread would give it."""
        return self.heat / self.area


@dataclass(frozen=True)
class Faithfulness:
    """Structural similarity of maps, mean over films; 1 is the same map.

    ``randomised``: against the maps of a net with shuffled weights; near 0 is right, since a map
    that stays the same shows the film and not what was learned. ``darkened``: against the maps of
    the same films stored a tenth darker in 8 bits; near 1 is right. ``rerun``: largest difference
    of heat between two runs on the same films.
    """

    films: int
    randomised: float
    darkened: float
    rerun: float


def bone_heat(heat: Float, place: Placement, mask: Float) -> BoneHeat | None:
    """Heat (h, w) over ``place`` against a mask (rows, columns) of the film, bright in bone.

    Heat on padding counts as heat outside bone. None where there is no heat, or no bone.
    """
    rows, columns = mask.shape
    top, left = round(-place.top), round(-place.left)
    canvas = torch.zeros(
        2, max(rows + top, round(place.height)), max(columns + left, round(place.width))
    )
    canvas[0, top : top + rows, left : left + columns] = torch.from_numpy((mask > 0.5).astype("f4"))
    canvas[1, top : top + rows, left : left + columns] = 1.0
    bone, film = adaptive_avg_pool2d(canvas[None], heat.shape)[0].numpy()  # (h, w) each
    if not heat.any() or not bone.any():
        return None
    return BoneHeat(float((heat * bone).sum() / heat.sum()), float(bone.sum() / film.sum()))


def faithfulness(bundle: Bundle, films: Sequence[Radiograph], seed: int) -> Faithfulness:
    """Compare the maps of ``films`` with those of a shuffled net, of darker films, of a rerun."""
    plain = score(bundle, films)
    shuffled = score(_shuffled(bundle, seed), films)
    darker = score(bundle, [replace(film, pixels=_darken(film.pixels)) for film in films])
    again = score(bundle, films)
    gaps = [
        float(np.abs(one.heat - other.heat).max()) for one, other in zip(plain, again, strict=True)
    ]
    return Faithfulness(
        films=len(films),
        randomised=likeness(plain, shuffled),
        darkened=likeness(plain, darker),
        rerun=max(gaps),
    )


def likeness(first: Sequence[Score], second: Sequence[Score]) -> float:
    """Mean structural similarity of two runs' maps, each scaled to its own largest value."""
    # MONAI takes seconds to import, so only who measures pays for it.
    from monai.metrics.regression import SSIMMetric

    metric = SSIMMetric(spatial_dims=2, data_range=1.0)
    each = torch.as_tensor(metric(_shown(first), _shown(second)))
    return float(each.mean())


def _shown(scores: Sequence[Score]) -> torch.Tensor:
    maps = [one.heat / max(float(one.heat.max()), 1e-12) for one in scores]
    whole = torch.from_numpy(np.stack(maps))[:, None]  # (n, 1, h, w)
    return interpolate(whole, size=(_SHOWN, _SHOWN), mode="bilinear", align_corners=False)


def _shuffled(bundle: Bundle, seed: int) -> Bundle:
    """The same net with the numbers of each weight in another order: same spread, no knowledge."""
    net = copy.deepcopy(bundle.net)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in net.parameters():
            order = torch.randperm(weight.numel(), generator=random).to(weight.device)
            weight.copy_(weight.flatten()[order].view_as(weight))
    return replace(bundle, net=net)


def _darken(pixels: Float) -> Float:
    return (np.round(pixels * 0.9 * 255) / 255).astype(np.float32)
