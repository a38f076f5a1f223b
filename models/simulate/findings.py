"""Findings of a film: soft tissue, breasts, skin folds, effusion, opacities, bowel gas.

The findings do not depend on density or label; a test checks this.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from models.images.grayscale_pipeline import Float
from models.simulate.plane import FilmPlane, ellipse, smoothstep
from models.simulate.texture import random_field


@dataclass(frozen=True)
class Findings:
    """Findings of one film; depths are in g/cm2 (equal to cm of water), 0 for no finding.

    ``fat`` is overlying soft tissue; a negative depth means leaner than the CT patient. ``breast``
    is the depth of the breasts. ``effusion`` is the fluid at the right and left lung base.
    ``folds``, ``opacity`` and ``gas`` count skin folds, lung opacities and gas bubbles.
    """

    seed: int
    fat: float
    breast: float
    folds: int
    effusion: tuple[float, float]
    opacity: int
    gas: int


def sample_findings(rng: np.random.Generator) -> Findings:
    """Draw findings with the frequencies of hospital films, not of screening films."""
    fluid = np.where(rng.random(2) < 0.12, rng.uniform(1.0, 8.0, 2), 0.0)
    return Findings(
        seed=int(rng.integers(2**31)),
        fat=float(np.clip(rng.gamma(2.0, 1.3) - 1.2, -1.2, 9.0)),
        breast=float(rng.uniform(0.6, 4.0) * (rng.random() < 0.55)),
        folds=int(rng.integers(1, 4)) if rng.random() < 0.2 else 0,
        effusion=(float(fluid[0]), float(fluid[1])),
        opacity=int(rng.integers(1, 4)) if rng.random() < 0.2 else 0,
        gas=int(rng.integers(0, 11)),
    )


def add_findings(water: Float, plane: FilmPlane, air: Float, findings: Findings) -> Float:
    """Return tissue (rows, columns) in g/cm2 with findings; ``air`` (0..1) is the lung share."""
    rng = np.random.default_rng([51, findings.seed])
    inside = np.clip(water / 4.0, 0.0, 1.0)
    low = (plane.y[:, None] / 170.0).clip(-1.0, 1.0)
    water = water + inside * findings.fat * (1.0 + 0.25 * low)
    water = water + _breasts(rng, plane, findings.breast) * inside
    water = water + air * (
        _fluid(rng, plane, findings.effusion) + _opacities(rng, plane, findings.opacity)
    )
    water = water + inside * _folds(rng, plane, findings.folds) - _gas(rng, plane, findings.gas)
    return np.maximum(water, 0.0).astype(np.float32)


def _breasts(rng: np.random.Generator, plane: FilmPlane, depth: float) -> Float:
    total = plane.canvas()
    width, height = rng.uniform(52.0, 72.0), rng.uniform(44.0, 66.0)
    drop = rng.normal(62.0, 12.0)
    for side in (-1.0, 1.0):
        bulge = ellipse(
            plane, (side * rng.normal(82.0, 4.0), drop + rng.normal(0, 4.0)), (width, height)
        )
        # Breasts are thicker at the lower edge, so films show the lower edge and not the upper one.
        thickness = np.sqrt(np.maximum(bulge, 0.0)) * smoothstep(
            plane.y[:, None], drop - height, drop + height * 0.7
        )
        total += np.float32(depth) * thickness
    return np.asarray(ndimage.gaussian_filter(total, 1.2 / plane.step), np.float32)


def _fluid(rng: np.random.Generator, plane: FilmPlane, depths: tuple[float, float]) -> Float:
    """Return pleural fluid with a meniscus: its level rises toward the chest wall."""
    total = plane.canvas()
    for side, depth in zip((-1.0, 1.0), depths, strict=True):
        level = rng.uniform(20.0, 70.0)
        outward = np.clip(side * plane.x / 130.0, 0.0, 1.2)[None, :]
        line = level + 35.0 - 60.0 * outward**3
        half = side * plane.x[None, :] > 8.0
        total += np.float32(depth) * smoothstep(plane.y[:, None] - line, -12.0, 25.0) * half
    return total


def _opacities(rng: np.random.Generator, plane: FilmPlane, count: int) -> Float:
    total = plane.canvas()
    for _ in range(count):
        side = rng.choice([-1.0, 1.0])
        centre = (side * rng.uniform(45, 110), rng.uniform(-110, 40))
        patch = ellipse(plane, centre, tuple(rng.uniform(12, 45, 2)), rng.uniform(0, np.pi))
        ragged = np.clip(patch + 0.35 * random_field(rng, plane, 3.2), 0.0, 1.0)
        total += np.float32(rng.uniform(0.5, 3.0)) * ragged * (patch > -1.0)
    return total


def _folds(rng: np.random.Generator, plane: FilmPlane, count: int) -> Float:
    """Return skin folds; each has a sharp step on one side and a gradual decrease on the other."""
    total = plane.canvas()
    for _ in range(count):
        turn = rng.normal(np.pi / 2, 0.6) if rng.random() < 0.6 else rng.normal(0.0, 0.3)
        middle = (rng.uniform(-150, 150), rng.uniform(-60, 150))
        x, y = plane.x[None, :] - np.float32(middle[0]), plane.y[:, None] - np.float32(middle[1])
        across = y * np.float32(np.cos(turn)) - x * np.float32(np.sin(turn))
        along = x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))
        across = across + 0.0015 * along**2
        near = np.clip(1 - (along / rng.uniform(50, 120)) ** 2, 0.0, 1.0)
        step = smoothstep(across, -1.0, 1.0) * np.exp(-np.maximum(across, 0.0) / 22.0)
        total += np.float32(rng.uniform(0.2, 1.0)) * step * near
    return total


def _gas(rng: np.random.Generator, plane: FilmPlane, count: int) -> Float:
    """Return bubbles of bowel gas in a cluster, and of stomach gas below the left diaphragm."""
    total = plane.canvas()
    cluster = (rng.uniform(-60, 120), rng.uniform(150, 215))
    for number in range(count):
        stomach = number == 0 and rng.random() < 0.7
        place = (rng.normal(70, 12), rng.normal(130, 8)) if stomach else cluster
        centre = place if stomach else (rng.normal(place[0], 45), rng.normal(place[1], 22))
        if centre[1] < 120.0:
            continue
        size = rng.uniform(10, 26) if stomach else rng.uniform(4, 15)
        radii = (size * rng.uniform(0.9, 1.8), size * rng.uniform(0.6, 1.0))
        bubble = ellipse(plane, centre, radii, rng.normal(0, 0.5)) + 0.12 * random_field(
            rng, plane, 2.6
        )
        depth = 0.2 * min(radii) * rng.uniform(0.5, 1.0)
        total = np.maximum(total, np.float32(depth) * np.sqrt(np.clip(bubble, 0.0, 1.0)))
    return np.asarray(ndimage.gaussian_filter(total, 0.8 / plane.step), np.float32)
