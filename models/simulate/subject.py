"""A simulated subject (density, anatomy, pose, findings, exposure) and its film.

The label is drawn before all other properties. Only bone density depends on the label.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from torch.nn.functional import grid_sample, interpolate

from models.images.grayscale_pipeline import Float
from models.simulate.anatomy import REFERENCE_BMD
from models.simulate.anatomy_variants import FIELD_MM
from models.simulate.devices import Devices, device_mineral, sample_devices
from models.simulate.exposure import Exposure, expose, sample_exposure
from models.simulate.findings import Findings, add_findings, sample_findings
from models.simulate.plane import LUNG_TOP_MM, FilmPlane, smoothstep, square_plane
from models.simulate.shoulders import Shoulders, add_shoulders, girdle_mineral, sample_shoulders
from models.simulate.texture import Texture, add_texture, add_trabeculae, lung_share, sample_texture
from models.simulate.vendor_ranges import MIXED, Vendor

SPREAD_BMD = 0.110
"""Areal density of one T-score unit in g/cm2 (lumbar spine of young women)."""

T_MEAN, T_SPREAD = -2.0, 1.4
"""Mean and standard deviation of the latent T-score; about 37 % are at or below -2.5."""

T_LIMIT = -2.5
"""World Health Organization: osteoporosis is a T-score at or below this value."""

DXA_ERROR = 0.4
"""Standard deviation of the densitometer's T-score error, including differences between bones."""

BONE_FLOOR = 0.15
"""A pixel with more mineral than this (g/cm2 at density factor 1) counts as bone."""

_MAP_GRID = 6

_CELL = 32
"""Film pixels per cell of the heatmap."""

_RIB_RIM = 1.3


@dataclass(frozen=True)
class Pose:
    """Position of the chest on the film.

    ``field_mm`` is the longer side of the film, ``turn`` the rotation in degrees and ``shift`` the
    offset in mm. ``warp`` is the seed of a slight 2-D deformation; 0 means no deformation.
    ``stretch`` is the factor that lengthens the chest below the lung apices, because the CT patient
    lies and film patients stand in inspiration. ``spine_curve`` is the share of the CT patient's
    lateral spine curvature that remains.
    """

    field_mm: float
    stretch: float
    spine_curve: float
    turn: float
    shift: tuple[float, float]
    warp: int


@dataclass(frozen=True)
class SimulatedSubject:
    """One simulated patient on one film.

    ``t_score`` is the latent T-score, ``label`` the result of the simulated densitometer.
    ``regional`` are density factors of spine, ribs and girdle. ``view`` is PA, or AP for
    in-patients. An AP film has scapulae over the lungs and less inspiration.
    """

    variant: int
    t_score: float
    label: bool
    regional: tuple[float, float, float]
    view: str
    pose: Pose
    shoulders: Shoulders
    texture: Texture
    findings: Findings
    devices: Devices
    exposure: Exposure


@dataclass(frozen=True)
class Scene:
    """All matter in the X-ray beam, (rows, columns) in g/cm2; ``bone`` is at density factor 1."""

    water: Float
    bone: Float
    metal: Float


def density_factor(t_score: float) -> float:
    """Return the bone mineral relative to a young adult; T-score 0 gives 1."""
    return max(0.2, (REFERENCE_BMD + SPREAD_BMD * t_score) / REFERENCE_BMD)


def sample_subject(seed: int, variants: range) -> SimulatedSubject:
    """Return the subject of ``seed``, with a CT variant of ``variants`` and ``MIXED`` equipment."""
    rng = np.random.default_rng([21, seed])
    t_score = float(rng.normal(T_MEAN, T_SPREAD))
    label = bool(t_score + rng.normal(0.0, DXA_ERROR) <= T_LIMIT)
    variant = int(rng.integers(variants.start, variants.stop))
    return build_subject(seed, variant, (t_score, label), MIXED, 0.3)


def build_subject(
    seed: int, variant: int, density: tuple[float, bool], vendor: Vendor, inpatient_share: float
) -> SimulatedSubject:
    """Draw pose, findings, devices and exposure of one film.

    ``density`` (T-score, label) is stored but does not affect the draws. ``inpatient_share`` is the
    probability of an in-patient, who has an AP film, lines and leads.
    """
    rng = np.random.default_rng([22, seed])
    regional = np.exp(rng.normal(0.0, (0.03, 0.06, 0.06))).tolist()
    inpatient = bool(rng.random() < inpatient_share)
    shoulders = sample_shoulders(rng)
    pose = Pose(
        field_mm=float(rng.uniform(330.0, 425.0)),
        stretch=float(rng.uniform(1.08, 1.32) * (0.93 if inpatient else 1.0)),
        spine_curve=float(rng.uniform(0.0, 0.35)),
        turn=float(rng.normal(0.0, 1.5)),
        shift=(float(rng.normal(0.0, 6.0)), float(rng.normal(22.0, 12.0))),
        warp=int(rng.integers(1, 2**31)),
    )
    return SimulatedSubject(
        variant=variant,
        t_score=density[0],
        label=density[1],
        regional=(regional[0], regional[1], regional[2]),
        view="AP" if inpatient else "PA",
        pose=pose,
        shoulders=replace(shoulders, roll=0.3 * shoulders.roll) if inpatient else shoulders,
        texture=sample_texture(rng),
        findings=sample_findings(rng),
        devices=sample_devices(rng, inpatient),
        exposure=sample_exposure(int(rng.integers(2**31)), vendor),
    )


def with_t_score(subject: SimulatedSubject, t_score: float) -> SimulatedSubject:
    """Return the same patient, pose, exposure and noise with another density."""
    return replace(subject, t_score=t_score, label=t_score <= T_LIMIT)


def render_film(maps: Float, subject: SimulatedSubject, size: int) -> tuple[Float, Float]:
    """Return film and block mineral of one subject.

    ``maps`` is (3, side, side) in g/cm2 from ``anatomy_variants``. The film is float32 in 0..1 with
    bright bone and a longer side of ``size``. The mineral is float32 (6, 6) in g/cm2, for the
    blocks of the padded square.
    """
    scene = compose_scene(maps, subject, size)
    return expose_scene(scene, subject), block_mineral(scene, subject, size)


def compose_scene(maps: Float, subject: SimulatedSubject, size: int) -> Scene:
    """Return the scene, which contains everything except density and exposure; twins share it."""
    plane = _film_plane(subject, size)
    water, spine, ribs = _place(maps, subject.pose, plane)
    tissue = add_shoulders(water, plane, subject.shoulders)
    air = lung_share(tissue, plane)
    tissue = add_findings(
        add_texture(tissue, plane, air, subject.texture), plane, air, subject.findings
    )
    parts = zip(
        (spine, ribs, girdle_mineral(plane, subject.shoulders)), subject.regional, strict=True
    )
    bone = np.sum([layer * region for layer, region in parts], axis=0).astype(np.float32)
    return Scene(
        tissue, add_trabeculae(bone, plane, subject.texture), device_mineral(plane, subject.devices)
    )


def expose_scene(scene: Scene, subject: SimulatedSubject) -> Float:
    """Return the film of a scene at the subject's density, float32 (rows, columns) in 0..1."""
    mineral = scene.bone * np.float32(density_factor(subject.t_score)) + scene.metal
    return expose(scene.water, mineral, subject.exposure)


def block_mineral(scene: Scene, subject: SimulatedSubject, size: int) -> Float:
    """Return the mean mineral in g/cm2 over the blocks of the padded square, float32 (6, 6)."""
    square = _squared(scene.bone, size)
    edges = np.linspace(0, size, _MAP_GRID + 1).round().astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(square, edges, axis=0), edges, axis=1)
    factor = density_factor(subject.t_score) / (size / _MAP_GRID) ** 2
    return (sums * np.float32(factor)).astype(np.float32)


def bone_share_by_cell(scene: Scene, size: int) -> Float:
    """Return each cell's bone share, divided by the film's bone share, (size / 32, size / 32).

    The mean of these values with heat as weights is the share of heat in bone, divided by bone's
    share of the film's area.
    """
    bone = (scene.bone > BONE_FLOOR).astype(np.float32)
    side = size // _CELL
    share = _squared(bone, size).reshape(side, _CELL, side, _CELL).mean(axis=(1, 3))
    return np.asarray(share / max(float(bone.mean()), 1e-6), np.float32)


def _squared(layer: Float, size: int) -> Float:
    """Return ``layer`` in the middle of a square of zeros with side ``size``."""
    rows, columns = layer.shape
    square = np.zeros((size, size), np.float32)
    top, left = (size - rows) // 2, (size - columns) // 2
    square[top : top + rows, left : left + columns] = layer
    return square


def _film_plane(subject: SimulatedSubject, size: int) -> FilmPlane:
    """Return the film plane; ``shift`` moves the chest, so the plane moves the opposite way."""
    pose, aspect = subject.pose, subject.exposure.processing.aspect
    square = square_plane(size, pose.field_mm, (-pose.shift[0], -pose.shift[1]))
    rows, columns = round(size * min(1.0, 1.0 / aspect)), round(size * min(1.0, aspect))
    top, left = (size - rows) // 2, (size - columns) // 2
    return FilmPlane(square.x[left : left + columns], square.y[top : top + rows], square.step)


def _place(maps: Float, pose: Pose, plane: FilmPlane) -> Float:
    """Return water, spine and ribs of the CT on the film's pixels, (3, rows, columns).

    If the film is larger than the CT, tissue and spine are mirrored beyond its edge; ribs are not.
    """
    angle = np.deg2rad(pose.turn)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    x, y = plane.x[None, :], plane.y[:, None]
    bent = _bend(pose.warp, plane)
    level = LUNG_TOP_MM + (sine * x + cosine * y + bent[1] - LUNG_TOP_MM) / np.float32(pose.stretch)
    across = cosine * x - sine * y + bent[0] + _midline(maps[1], level, pose.spine_curve)
    across = across / np.float32(FIELD_MM / 2)
    down = level / np.float32(FIELD_MM / 2)
    grid = torch.from_numpy(np.stack([across, down], axis=-1))[None]
    source = torch.from_numpy(_crisp(maps))[None]
    placed = grid_sample(source, grid, align_corners=False, padding_mode="reflection")[0].numpy()
    placed *= smoothstep(abs(across), 1.0, 0.96)
    # Mirrored ribs would curve in the wrong direction.
    placed[2] *= smoothstep(level, -176.0, -164.0) * smoothstep(level, 178.0, 160.0)
    return np.asarray(np.maximum(placed, 0.0), np.float32)


def _midline(spine: Float, level: Float, spine_curve: float) -> Float:
    """Return the spine's lateral position in mm at each ``level`` (mm)."""
    side = spine.shape[0]
    step = FIELD_MM / side
    position = (np.arange(side) - (side - 1) / 2) * step
    # A row without spine gets the middle position.
    weight = spine.sum(axis=1) + 1e-3
    course = ndimage.gaussian_filter1d(
        (spine * position).sum(axis=1) / weight, 25.0 / step, mode="nearest"
    )
    course += spine_curve * (course.mean() - course)
    return np.asarray(np.interp(level, position, course), np.float32)


def _crisp(maps: Float) -> Float:
    """Sharpen the edges of bone, and restore the cortex of ribs that 2.5 mm slices do not show.

    Voxels at the edge of the mask count as tissue although they are half bone. The mineral of the
    ribs is therefore multiplied by ``_RIB_RIM``.
    """
    crisp = maps.copy()
    scale = maps.shape[1] * 350.0 / (416 * FIELD_MM)
    for layer, gain in zip(crisp[1:], (1.0, _RIB_RIM), strict=True):
        soft = ndimage.gaussian_filter(layer, (2.2 * scale, 1.1 * scale), truncate=3.0)
        layer += 0.6 * (layer - soft)
        layer *= np.float32(gain)
    return np.maximum(crisp, 0.0)


def _bend(seed: int, plane: FilmPlane) -> Float:
    """Return a smooth displacement in mm, (2, rows, columns); films of a variant thus differ."""
    if not seed:
        return np.zeros((2, *plane.shape), np.float32)
    coarse = np.random.default_rng([23, seed]).normal(0.0, 5.0, (1, 2, 6, 6)).astype(np.float32)
    fine = interpolate(
        torch.from_numpy(coarse), size=plane.shape, mode="bicubic", align_corners=True
    )
    return fine[0].numpy()
