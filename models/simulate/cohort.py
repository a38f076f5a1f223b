"""Simulated patients: latent density, label, build and pose, and the film of each.

The label is drawn before anything that shapes the picture, and no nuisance reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import affine_grid, grid_sample

from models.simulate.anatomy import REFERENCE_BMD
from models.simulate.exposure import Exposure, expose, sample_exposure

Float = npt.NDArray[np.float32]

SPREAD_BMD = 0.110
"""g/cm2: one T-score unit of the lumbar spine in young women."""

T_MEAN, T_SPREAD = -2.0, 1.4
"""Latent T-score of those who are referred: about 37 in 100 at or under -2.5."""

T_LIMIT = -2.5
"""World Health Organization: osteoporosis is a T-score at or under this."""

_DXA_ERROR = 0.4
"""T-score units: the densitometer's own error and its discordance with the rest of the skeleton."""

_MAP_GRID = 6


@dataclass(frozen=True)
class Subject:
    """One simulated patient on one film.

    ``t_score`` is the latent one, ``label`` the simulated densitometer's verdict. ``regional`` are
    the factors by which spine, ribs and girdle depart from the patient's density. ``fat_g_cm2`` is
    overlying soft tissue, ``breast`` its bulge at the lower chest. ``zoom``, ``turn`` (degrees) and
    ``shift`` (shares of the half side) place the chest on the film.
    """

    variant: int
    t_score: float
    label: bool
    regional: tuple[float, float, float]
    fat_g_cm2: float
    breast: float
    zoom: float
    turn: float
    shift: tuple[float, float]
    shot: Exposure


def density_factor(t_score: float) -> float:
    """Mineral relative to a young adult's; 1 at T 0."""
    return max(0.2, (REFERENCE_BMD + SPREAD_BMD * t_score) / REFERENCE_BMD)


def sample_subject(seed: int, variants: range) -> Subject:
    """The patient of this seed, with an anatomy out of ``variants``."""
    rng = np.random.default_rng([21, seed])
    t_score = float(rng.normal(T_MEAN, T_SPREAD))
    label = bool(t_score + rng.normal(0.0, _DXA_ERROR) <= T_LIMIT)
    regional = np.exp(rng.normal(0.0, (0.03, 0.06, 0.06))).tolist()
    return Subject(
        variant=int(rng.integers(variants.start, variants.stop)),
        t_score=t_score,
        label=label,
        regional=(regional[0], regional[1], regional[2]),
        fat_g_cm2=float(np.clip(rng.gamma(2.0, 1.2) - 1.0, -1.0, 8.0)),
        breast=float(rng.uniform(0.0, 3.0) * (rng.random() < 0.5)),
        zoom=float(rng.uniform(1.02, 1.22)),
        turn=float(rng.normal(0.0, 1.5)),
        shift=(float(rng.normal(0.0, 0.03)), float(rng.normal(0.0, 0.03))),
        shot=sample_exposure(int(rng.integers(2**31))),
    )


def twin(subject: Subject, t_score: float) -> Subject:
    """The same patient, pose, exposure and noise at another density."""
    return replace(subject, t_score=t_score, label=t_score <= T_LIMIT)


def render(maps: Float, subject: Subject, size: int) -> tuple[Float, Float]:
    """Film and mineral of one subject.

    ``maps`` is (4, side, side) in g/cm2 from ``variants``. Returns the film, float32 (size, size)
    in 0..1 with bone bright, and the mineral over the film's 6 x 6 blocks, float32 (6, 6), in
    g/cm2.
    """
    placed = _place(maps, subject, size)
    factor = density_factor(subject.t_score)
    parts = zip(placed[1:], subject.regional, strict=True)
    mineral = np.sum([layer * (factor * region) for layer, region in parts], axis=0)
    film = expose(_dress(placed[0], subject), mineral.astype(np.float32), subject.shot)
    edges = np.linspace(0, size, _MAP_GRID + 1).round().astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(mineral, edges, axis=0), edges, axis=1)
    return film, (sums / (size / _MAP_GRID) ** 2).astype(np.float32)


def _place(maps: Float, subject: Subject, size: int) -> Float:
    """Zoom, turn and shift the chest onto the film's own pixels."""
    angle, inverse = np.deg2rad(subject.turn), 1.0 / subject.zoom
    cosine, sine = float(np.cos(angle)) * inverse, float(np.sin(angle)) * inverse
    right, down = subject.shift
    theta = torch.tensor([[[cosine, -sine, right], [sine, cosine, down]]], dtype=torch.float32)
    grid = affine_grid(theta, [1, 4, size, size], align_corners=False)
    source = torch.from_numpy(maps)[None]
    placed = grid_sample(source, grid, align_corners=False, padding_mode="border")
    return placed[0].numpy()


def _dress(water: Float, subject: Subject) -> Float:
    """Add or remove soft tissue inside the silhouette, more of it low and at the breasts."""
    size = water.shape[0]
    line = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    down, right = line[:, None], line[None, :]
    inside = np.clip(water / 4.0, 0.0, 1.0)
    layer = subject.fat_g_cm2 * (1.0 + 0.25 * down)
    for side in (-0.48, 0.48):
        radius = ((right - side) / 0.36) ** 2 + ((down - 0.28) / 0.34) ** 2
        layer = layer + subject.breast * np.clip(1.0 - radius, 0.0, None)
    dressed: Float = np.maximum(water + inside * layer, 0.0).astype(np.float32)
    return dressed
