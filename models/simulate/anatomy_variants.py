"""Anatomy variants: random 3-D deformations of the CT, and their projections onto the film.

Each variant is projected once, and its maps of areal density are cached. Bone density, exposure and
tone are applied later, which takes milliseconds (see ``exposure``).
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import grid_sample

from models.images.grayscale_pipeline import Float
from models.simulate.anatomy import SPACING_MM, Anatomy

FIELD_MM = 400.0
"""Maps cover a square with this side at the detector; the CT is 360 mm wide."""

MAP_SIDE = 448
"""Side of the maps in pixels; a pixel is 0.9 mm wide, about the resolution of the CT."""

SOURCE_TO_DETECTOR_MM = 1800.0
_DEPTH_MM = 270.0
_STEP_MM = 4.0
_DETECTOR_GAP_MM = 140.0
_VERSION = 4


@dataclass(frozen=True)
class AnatomyVariant:
    """Differences of a chest from the CT; lengths are in mm, angles in degrees."""

    seed: int
    turn: float
    tilt: float
    pitch: float
    scale: tuple[float, float, float]
    kyphosis: float
    scoliosis: float
    breath: float
    warp: float


def sample_variant(seed: int) -> AnatomyVariant:
    """Return the variant of this seed: posture, build, spine curvature, inspiration, warp."""
    rng = np.random.default_rng([_VERSION, seed])
    width, depth, height = rng.normal((1.0, 1.0, 1.0), (0.045, 0.07, 0.04)).tolist()
    return AnatomyVariant(
        seed=seed,
        turn=float(rng.normal(0, 3.0)),
        tilt=float(rng.normal(0, 1.5)),
        pitch=float(rng.normal(0, 3.5)),
        scale=(width, depth, height),
        kyphosis=float(rng.normal(0, 7.0)),
        scoliosis=float(rng.normal(0, 4.0)),
        breath=float(rng.normal(0, 8.0)),
        warp=float(rng.uniform(2.0, 6.0)),
    )


def render_maps(
    anatomy: Anatomy, variant: AnatomyVariant, size: int, depth_mm: float = _DEPTH_MM
) -> Float:
    """Return the areal density along diverging rays, float32 (3, size, size) in g/cm2.

    The layers are water, spine and ribs. Row 0 is the top and column 0 the patient's right, as on a
    displayed PA film. The shoulder girdle is omitted, because the arms are raised in the CT. Rays
    cover ``depth_mm`` around the centre of the trunk; a rotated trunk needs a greater depth.
    """
    volume = torch.from_numpy(anatomy.density[:3])[None]
    field = _warp_field(variant)
    half = FIELD_MM / 2 * (1 - 1 / size)
    across = torch.linspace(-half, half, size)
    down, right = torch.meshgrid(-across, across, indexing="ij")
    slant = torch.sqrt(1 + (down**2 + right**2) / SOURCE_TO_DETECTOR_MM**2)
    total = torch.zeros(3, size, size)
    for depth in torch.arange(-depth_mm / 2, depth_mm / 2, _STEP_MM).tolist():
        to_source = SOURCE_TO_DETECTOR_MM - _DETECTOR_GAP_MM + depth
        shrink = to_source / SOURCE_TO_DETECTOR_MM
        forward = torch.full_like(right, depth)
        # (left, forward, up): the patient's left is on the right of the film.
        point = torch.stack([right * shrink, forward, down * shrink], dim=-1)
        total += _sample(volume, _deform(point, variant, field), anatomy)
    return (total * slant * (_STEP_MM / 10.0)).numpy()


def map_path(folder: Path, seed: int, size: int) -> Path:
    """Return the path of the cached maps of a seed."""
    return folder / f"maps-v{_VERSION}-{size}-{seed}.npy"


def cached_maps(anatomy: Anatomy | None, seed: int, size: int, folder: Path) -> Float:
    """Return the maps of a seed's variant, (3, size, size) float32 in g/cm2, cached in ``folder``.

    Raises FileNotFoundError if ``anatomy`` is None and the maps are not cached.
    """
    path = map_path(folder, seed, size)
    if path.exists():
        cached: Float = np.load(path, allow_pickle=False).astype(np.float32)
        return cached
    if anatomy is None:
        raise FileNotFoundError(f"variant {seed} is not cached; call with the anatomy first")
    maps = render_maps(anatomy, sample_variant(seed), size)
    folder.mkdir(parents=True, exist_ok=True)
    # Two processes may render the same variant; each writes its own temporary file.
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as stream:
        np.save(stream, maps.astype(np.float16))
    part.replace(path)
    return maps.astype(np.float16).astype(np.float32)


def _warp_field(variant: AnatomyVariant) -> Tensor:
    """Return a smooth random displacement in mm, (1, 3, 20, 20, 20), over a cube of 360 mm."""
    rng = np.random.default_rng([_VERSION, variant.seed, 1])
    coarse = rng.normal(0, variant.warp, (3, 5, 5, 5))
    fine = np.stack([ndimage.zoom(axis, 4, order=3) for axis in coarse])
    return torch.from_numpy(fine.astype(np.float32))[None]


def _deform(point: Tensor, variant: AnatomyVariant, field: Tensor) -> Tensor:
    """Convert points of the variant to points of the CT; both are (rows, columns, 3) in mm."""
    point = point @ torch.from_numpy(_rotation(variant)).T
    point = point / torch.tensor(variant.scale)
    shift = grid_sample(field, point[None, None] / 180.0, align_corners=True, padding_mode="border")
    point = point + shift[0, :, 0].permute(1, 2, 0)
    left, forward, up = point.unbind(-1)
    bend = (up / 100.0) ** 2
    return torch.stack(
        [
            left + variant.scoliosis * torch.sin(up * (np.pi / 160.0)),
            forward + variant.kyphosis * (bend - 0.7),
            up + variant.breath * torch.exp(-(((up + 70.0) / 70.0) ** 2)),
        ],
        dim=-1,
    )


def _rotation(variant: AnatomyVariant) -> Float:
    turn, tilt, pitch = np.deg2rad([variant.turn, variant.tilt, variant.pitch])
    about_up = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    about_forward = [[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]]
    about_left = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    product = np.array(about_up) @ np.array(about_forward) @ np.array(about_left)
    return product.astype(np.float32)


def _sample(volume: Tensor, point: Tensor, anatomy: Anatomy) -> Tensor:
    """Return densities (3, rows, columns) at points (rows, columns, 3) in mm from the centre."""
    up, forward, left = anatomy.centre_mm
    origin = torch.tensor([left, forward, up])
    spacing = torch.tensor([SPACING_MM[2], SPACING_MM[1], SPACING_MM[0]])
    last = torch.tensor([volume.shape[4] - 1, volume.shape[3] - 1, volume.shape[2] - 1])
    grid = (point + origin) / spacing / last * 2 - 1
    # Outside the scanned volume, the CT is mirrored.
    sampled = grid_sample(volume, grid[None, None], align_corners=True, padding_mode="reflection")
    return sampled[0, :, 0]
