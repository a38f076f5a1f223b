"""Checks of the heatmaps: share of heat in bone, dependence on the weights, repeatability.

The weight randomisation follows Adebayo et al., NeurIPS 2018. Repeatability and structural
similarity of maps follow Arun et al., Radiol Artif Intell 2021;3:e200267.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from models.bundle.score import Bundle, Score, score
from models.images.grayscale_pipeline import Float
from models.images.radiograph import FieldOfView, Radiograph

_MAP_SIDE = 192
"""Maps are interpolated to this side in pixels and then compared."""


@dataclass(frozen=True)
class BoneHeat:
    """Share of a film's positive heat, and of its area, that is inside the bone mask."""

    heat_share: float
    area_share: float

    @property
    def ratio(self) -> float:
        """Heat share divided by area share; 1 means that heat is spread evenly."""
        return self.heat_share / self.area_share


@dataclass(frozen=True)
class HeatmapChecks:
    """Mean structural similarity (SSIM) of heatmaps over films; 1 means identical maps.

    ``ssim_randomised_weights`` compares the maps with those of a net whose weights are shuffled. If
    this SSIM is near 1, maps do not depend on the training. ``ssim_darkened`` compares the maps
    with those of films that are 10 % darker and have 8 bits; this SSIM should be near 1.
    ``rerun_difference`` is the largest difference of heat between two runs on the same films.
    """

    films: int
    ssim_randomised_weights: float
    ssim_darkened: float
    rerun_difference: float


def measure_bone_heat(heat: Float, place: FieldOfView, mask: Float) -> BoneHeat | None:
    """Return the heat in bone of one film, or None if the film has no heat or no bone.

    ``heat`` (h, w) covers ``place`` on the film. ``mask`` (rows, columns) has the film's size and
    is above 0.5 in bone. Heat on padding counts as heat outside bone.
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


def check_heatmaps(bundle: Bundle, films: Sequence[Radiograph], seed: int) -> HeatmapChecks:
    """Compare the heatmaps with those of shuffled weights, darker films and a second run."""
    original = score(bundle, films)
    randomised = score(_shuffle_weights(bundle, seed), films)
    darkened = score(bundle, [replace(film, pixels=_darken(film.pixels)) for film in films])
    rerun = score(bundle, films)
    differences = [
        float(np.abs(first.heat.values - second.heat.values).max())
        for first, second in zip(original, rerun, strict=True)
    ]
    return HeatmapChecks(
        films=len(films),
        ssim_randomised_weights=similarity(original, randomised),
        ssim_darkened=similarity(original, darkened),
        rerun_difference=max(differences),
    )


def similarity(first: Sequence[Score], second: Sequence[Score]) -> float:
    """Return the mean SSIM between the maps of two runs; each map is scaled to its own maximum."""
    # Importing MONAI takes seconds, so it is imported only here.
    from monai.metrics.regression import SSIMMetric

    metric = SSIMMetric(spatial_dims=2, data_range=1.0)
    by_film = torch.as_tensor(metric(_scaled_maps(first), _scaled_maps(second)))
    return float(by_film.mean())


def _scaled_maps(scores: Sequence[Score]) -> torch.Tensor:
    maps = [film.heat.values / max(float(film.heat.values.max()), 1e-12) for film in scores]
    stacked = torch.from_numpy(np.stack(maps))[:, None]  # (n, 1, h, w)
    return interpolate(stacked, size=(_MAP_SIDE, _MAP_SIDE), mode="bilinear", align_corners=False)


def _shuffle_weights(bundle: Bundle, seed: int) -> Bundle:
    """Return the bundle with the values of each weight tensor in random order."""
    net = copy.deepcopy(bundle.net)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in net.parameters():
            order = torch.randperm(weight.numel(), generator=random).to(weight.device)
            weight.copy_(weight.flatten()[order].view_as(weight))
    return replace(bundle, net=net)


def _darken(pixels: Float) -> Float:
    return (np.round(pixels * 0.9 * 255) / 255).astype(np.float32)
