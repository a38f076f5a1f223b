"""Fine structure that a CT of 2.5 mm slices has lost: lung vessels, tissue grain, trabeculae."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from models.simulate.plane import FilmPlane, rod

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Texture:
    """How much fine structure a film has; shares of the tissue it lies in, and its seed.

    ``lung`` is the interstitial mesh, ``vessels`` the calibre of the vessels over the usual,
    ``flesh`` the streaks of muscle and fat, ``bone`` the trabeculae.
    """

    seed: int
    lung: float
    vessels: float
    flesh: float
    bone: float


def sample_texture(rng: np.random.Generator) -> Texture:
    """From clear lungs to coarse ones."""
    return Texture(
        seed=int(rng.integers(2**31)),
        lung=float(np.exp(rng.normal(np.log(0.017), 0.4))),
        vessels=float(np.clip(rng.normal(1.0, 0.15), 0.6, 1.5)),
        flesh=float(rng.uniform(0.003, 0.009)),
        bone=float(rng.uniform(0.05, 0.16)),
    )


def lung_share(water: Float, plane: FilmPlane) -> Float:
    """Where lung is, 0..1: thin tissue inside the trunk, the film's outside excepted."""
    thin = np.clip((15.0 - water) / 5.0, 0.0, 1.0) * np.clip((water - 1.5) / 2.0, 0.0, 1.0)
    trunk = (
        (abs(plane.x)[None, :] < 150.0) & (plane.y[:, None] > -170.0) & (plane.y[:, None] < 160.0)
    )
    share: Float = ndimage.gaussian_filter((thin * trunk).astype(np.float32), 1.5 / plane.step)
    return share


def add_texture(water: Float, plane: FilmPlane, air: Float, texture: Texture) -> Float:
    """Tissue with vessels and mesh in the lungs and streaks elsewhere; g/cm2, (rows, columns)."""
    rng = np.random.default_rng([41, texture.seed])
    mesh = random_field(rng, plane, 1.9)
    patches = random_field(rng, plane, 3.2)
    tree = np.minimum(_vessels(rng, plane, texture.vessels), 1.4)
    lung = air * (0.5 * tree + water * texture.lung * (mesh * (1 + 0.4 * patches)))
    flesh = (1 - air) * water * texture.flesh * (random_field(rng, plane, 2.6) + 0.5 * mesh)
    rough: Float = np.maximum(water + lung + flesh, 0.0).astype(np.float32)
    return rough


def add_trabeculae(mineral: Float, plane: FilmPlane, texture: Texture) -> Float:
    """Mineral with the mesh of trabeculae in it: a share of what is there, so density scales it."""
    mesh = random_field(np.random.default_rng([42, texture.seed]), plane, 1.6)
    meshed: Float = (mineral * np.maximum(1 + texture.bone * mesh, 0.2)).astype(np.float32)
    return meshed


def random_field(rng: np.random.Generator, plane: FilmPlane, slope: float) -> Float:
    """Random field of unit spread whose amplitude falls as frequency to minus ``slope``/2 - 0.5.

    Made on a grid of fixed spacing in mm, so that a film's pictures at two sizes agree in kind.
    """
    rows, columns = plane.shape
    white = np.fft.rfft2(rng.standard_normal((rows, columns), dtype=np.float32))
    down = np.fft.fftfreq(rows)[:, None] / plane.step
    across = np.fft.rfftfreq(columns)[None, :] / plane.step
    frequency = np.hypot(down, across)
    # Flat under one cycle in 40 mm: slower waves are anatomy, and that comes from the CT.
    shape = np.maximum(frequency, 0.025) ** (-slope / 2 - 0.5)
    shape[0, 0] = 0.0
    field = np.fft.irfft2(white * shape, s=(rows, columns))
    scaled: Float = (field / field.std()).astype(np.float32)
    return scaled


def _vessels(rng: np.random.Generator, plane: FilmPlane, calibre: float) -> Float:
    """Thickness in cm of a branching tree out of each hilum."""
    canvas = plane.canvas()
    for side in (-1.0, 1.0):
        hilum = np.array([side * 44.0, -42.0])
        for angle in np.deg2rad([-72, -38, -8, 20, 44, 66, 82]) + rng.normal(0, 0.12, 7):
            start = hilum + rng.normal(0, 6.0, 2)
            heading = float(angle if side > 0 else np.pi - angle)
            _branch(rng, canvas, plane, start, (heading, 3.6 * calibre * rng.uniform(0.7, 1.1)))
    return canvas


def _branch(
    rng: np.random.Generator,
    canvas: Float,
    plane: FilmPlane,
    start: npt.NDArray[np.float64],
    way: tuple[float, float],
) -> None:
    """One vessel of heading and radius, and those that leave it, down to a third of a mm."""
    heading, radius = way
    if radius < 0.34:
        return
    end = start + rng.uniform(9.0, 17.0) * np.array([np.cos(heading), np.sin(heading)])
    thinner = radius * rng.uniform(0.72, 0.84)
    ends = ((float(start[0]), float(start[1])), (float(end[0]), float(end[1])))
    rod(canvas, plane, ends, (radius, thinner))
    _branch(rng, canvas, plane, end, (heading + rng.normal(0, 0.22), thinner))
    if rng.random() < 0.62:
        turn = rng.choice([-1.0, 1.0]) * rng.uniform(0.4, 0.95)
        _branch(rng, canvas, plane, end, (heading + turn, thinner * rng.uniform(0.6, 0.85)))
