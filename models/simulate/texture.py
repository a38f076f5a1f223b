"""Fine structure that a CT with 2.5 mm slices does not show: lung vessels, tissue, trabeculae."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from models.images.grayscale_pipeline import Float
from models.simulate.plane import FilmPlane, rod


@dataclass(frozen=True)
class Texture:
    """Seed of the fine structure, and its amplitudes relative to the surrounding tissue.

    ``lung`` is the interstitial pattern, ``vessels`` the relative calibre of the lung vessels,
    ``flesh`` the streaks of muscle and fat, ``bone`` the trabeculae.
    """

    seed: int
    lung: float
    vessels: float
    flesh: float
    bone: float


def sample_texture(rng: np.random.Generator) -> Texture:
    """Draw the texture of one film, from clear to coarse lungs."""
    return Texture(
        seed=int(rng.integers(2**31)),
        lung=float(np.exp(rng.normal(np.log(0.017), 0.4))),
        vessels=float(np.clip(rng.normal(1.0, 0.15), 0.6, 1.5)),
        flesh=float(rng.uniform(0.003, 0.009)),
        bone=float(rng.uniform(0.05, 0.16)),
    )


def lung_share(water: Float, plane: FilmPlane) -> Float:
    """Return the lung share of each pixel, 0..1; thin tissue inside the trunk counts as lung."""
    thin = np.clip((15.0 - water) / 5.0, 0.0, 1.0) * np.clip((water - 1.5) / 2.0, 0.0, 1.0)
    trunk = (
        (abs(plane.x)[None, :] < 150.0) & (plane.y[:, None] > -170.0) & (plane.y[:, None] < 160.0)
    )
    share: Float = ndimage.gaussian_filter((thin * trunk).astype(np.float32), 1.5 / plane.step)
    return share


def add_texture(water: Float, plane: FilmPlane, air: Float, texture: Texture) -> Float:
    """Return tissue (rows, columns) in g/cm2 with lung vessels, interstitium and streaks."""
    rng = np.random.default_rng([41, texture.seed])
    mesh = random_field(rng, plane, 1.9)
    patches = random_field(rng, plane, 3.2)
    tree = np.minimum(_vessels(rng, plane, texture.vessels), 1.4)
    lung = air * (0.5 * tree + water * texture.lung * (mesh * (1 + 0.4 * patches)))
    flesh = (1 - air) * water * texture.flesh * (random_field(rng, plane, 2.6) + 0.5 * mesh)
    rough: Float = np.maximum(water + lung + flesh, 0.0).astype(np.float32)
    return rough


def add_trabeculae(mineral: Float, plane: FilmPlane, texture: Texture) -> Float:
    """Add trabeculae to the mineral; their amplitude is proportional to the local mineral."""
    mesh = random_field(np.random.default_rng([42, texture.seed]), plane, 1.6)
    meshed: Float = (mineral * np.maximum(1 + texture.bone * mesh, 0.2)).astype(np.float32)
    return meshed


def random_field(rng: np.random.Generator, plane: FilmPlane, slope: float) -> Float:
    """Return a random field with standard deviation 1.

    The amplitude is proportional to frequency**(-slope / 2 - 0.5). Frequencies are in cycles per
    mm, so the field looks the same at every image size.
    """
    rows, columns = plane.shape
    white = np.fft.rfft2(rng.standard_normal((rows, columns), dtype=np.float32))
    down = np.fft.fftfreq(rows)[:, None] / plane.step
    across = np.fft.rfftfreq(columns)[None, :] / plane.step
    frequency = np.hypot(down, across)
    # The amplitude is constant below one cycle per 40 mm, because the CT provides such structures.
    shape = np.maximum(frequency, 0.025) ** (-slope / 2 - 0.5)
    shape[0, 0] = 0.0
    field = np.fft.irfft2(white * shape, s=(rows, columns))
    scaled: Float = (field / field.std()).astype(np.float32)
    return scaled


def _vessels(rng: np.random.Generator, plane: FilmPlane, calibre: float) -> Float:
    """Return the thickness in cm of a branching vessel tree from each hilum."""
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
    course: tuple[float, float],
) -> None:
    """Draw a vessel and its branches that have a radius of at least 0.34 mm."""
    heading, radius = course
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
