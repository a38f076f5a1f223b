"""Drawings of other body parts, and patterns, as negative examples for the gate.

Drawings are coarse, because the gate detects unknown kinds of images by their distance. A drawing
of a body part gives the thickness of soft tissue and bone in cm, and is exposed like a simulated
film.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from models.simulate.exposure import expose, sample_exposure
from models.simulate.plane import FilmPlane, Point, curve, ellipse, rod, square_plane, tube

Float = npt.NDArray[np.float32]
Draw = Callable[[np.random.Generator, FilmPlane], tuple[Float, Float]]

FIELD_MM = 300.0


def draw(seed: int, size: int, kinds: tuple[str, ...] = ()) -> tuple[str, Float]:
    """Return the kind and the image for a seed, float32 (size, size) in 0..1.

    The kind is a random one of ``kinds``, or of all kinds if ``kinds`` is empty.
    """
    rng = np.random.default_rng([51, seed])
    names = kinds or (*BODY_PARTS, *PATTERNS)
    name = str(rng.choice(names))
    if name in PATTERNS:
        return name, PATTERNS[name](rng, size)
    on = square_plane(size, FIELD_MM)
    soft, bone = BODY_PARTS[name](rng, on)
    soft = soft * (1 + 0.03 * _field(rng, size, 2.6)) + 0.15 * _blobs(rng, on)
    turn = float(rng.normal(0, 12))
    soft, bone = (_rotate(layer, turn) for layer in (np.maximum(soft, 0), bone))
    film = expose(soft, bone * np.float32(rng.uniform(0.4, 1.1)), sample_exposure(seed))
    return name, film


def _hand(rng: np.random.Generator, on: FilmPlane) -> tuple[Float, Float]:
    soft, bone = on.canvas(), on.canvas()
    palm = np.maximum(ellipse(on, (0, 40), (48, 55)), 0) * 3
    scale = float(rng.uniform(0.8, 1.25))
    for finger, spread in enumerate(np.linspace(-0.55, 0.55, 5)):
        thumb = finger == 0
        point, heading = (spread * 60.0, 70.0), spread * (1.6 if thumb else 0.7)
        lengths = (45, 30, 22) if thumb else (62, 42, 26, 18)
        for length in lengths:
            reach = length * scale * float(rng.uniform(0.92, 1.08))
            end = (point[0] + reach * np.sin(heading), point[1] - reach * np.cos(heading))
            inner = (0.92 * end[0] + 0.08 * point[0], 0.92 * end[1] + 0.08 * point[1])
            rod(soft, on, (point, end), (10, 9))
            rod(bone, on, (point, inner), (5.2, 4.2))
            point = end
    for side in (-12.0, 14.0):
        rod(bone, on, ((side, 85), (side * 1.2, 190)), (8, 6))
    for x, y in rng.uniform((-25, 62), (25, 86), (8, 2)).tolist():
        bone = np.maximum(bone, np.sqrt(np.maximum(ellipse(on, (x, y), (8, 7)), 0)) * 0.9)
    rod(soft, on, ((0, 70), (0, 200)), (32, 38))
    return np.maximum(soft, palm).astype(np.float32), (bone * 0.8).astype(np.float32)


def _limb(rng: np.random.Generator, on: FilmPlane) -> tuple[Float, Float]:
    """Draw one or two long bones with a joint: arm, forearm, thigh, leg, knee, elbow."""
    soft, bone = on.canvas(), on.canvas()
    wide, bend = float(rng.uniform(28, 75)), float(rng.normal(0, 30))
    joint = float(rng.uniform(-60, 60))
    ends: list[Point] = [(bend, -170.0), (-bend, 170.0)]
    for end in ends:
        rod(soft, on, ((0.0, joint), end), (wide, wide * float(rng.uniform(0.8, 1.3))))
        shafts = (0.0,) if rng.random() < 0.5 else (-0.28 * wide, 0.3 * wide)
        for off in shafts:
            thick = wide * float(rng.uniform(0.14, 0.22))
            knob, along = (off, joint), (end[0] + off, end[1])
            rod(bone, on, (knob, along), (thick, thick))
            inner = on.canvas()
            rod(inner, on, (knob, along), (thick * 0.55, thick * 0.55))
            bone = np.maximum(bone - 0.8 * inner, 0)
            head = np.maximum(
                ellipse(on, (off, joint + np.sign(end[1]) * 18), (thick * 1.9, 20)), 0
            )
            bone = np.maximum(bone, head * thick * 0.12)
    return soft, bone * 0.9


def _pelvis(rng: np.random.Generator, on: FilmPlane) -> tuple[Float, Float]:
    soft = np.sqrt(np.maximum(ellipse(on, (0, 0), (175, 240)), 0)) * float(rng.uniform(16, 24))
    bone = on.canvas()
    tilt = float(rng.uniform(0.3, 0.7))
    for side in (-1.0, 1.0):
        wing = ellipse(on, (side * 75, -30), (60, 70), side * tilt)
        bone += np.where(wing > 0, 0.6 + 0.9 * np.exp(-((wing / 0.25) ** 2)), 0) * 0.8
        head = (side * 88, 50.0)
        bone += np.sqrt(np.maximum(ellipse(on, head, (25, 25)), 0)) * 2.2
        rod(bone, on, (head, (side * 125, 75)), (17, 18))
        rod(bone, on, ((side * 125, 70), (side * 118, 220)), (20, 15))
        ring = ellipse(on, (side * 38, 95), (30, 26), side * 0.4)
        bone += np.where(abs(ring) < 0.45, 0.9, 0)
    bone += np.sqrt(np.maximum(ellipse(on, (0, -35), (38, 60)), 0)) * 1.6
    bone += _column(rng, on, 0.0, (-170, -70), 26)
    return np.asarray(soft, np.float32), np.minimum(bone, 4.0)


def _abdomen(rng: np.random.Generator, on: FilmPlane) -> tuple[Float, Float]:
    soft = np.sqrt(np.maximum(ellipse(on, (0, 0), (165, 260)), 0)) * float(rng.uniform(16, 24))
    for x, y, a, b in rng.uniform((-110, -90, 8, 8), (110, 110, 34, 26), (14, 4)).tolist():
        soft -= np.sqrt(np.maximum(ellipse(on, (x, y), (a, b)), 0)) * 4
    bone = _column(rng, on, float(rng.normal(0, 6)), (-170, 100), 24)
    for side in (-1.0, 1.0):
        for level in (-150, -125, -100):
            path = curve(((side * 20, level), (side * 90, level - 5), (side * 150, level + 60)))
            tube(bone, on, path, 6.5)
        wing = ellipse(on, (side * 80, 140), (62, 60), side * 0.6)
        bone += np.where(wing > 0, 0.7, 0)
    return np.maximum(soft, 0), np.minimum(bone, 3.0)


def _skull(rng: np.random.Generator, on: FilmPlane) -> tuple[Float, Float]:
    across = float(rng.uniform(68, 92))
    brain = ellipse(on, (0, -20), (across, 88))
    soft = np.sqrt(np.maximum(brain, 0)) * 15
    rod(soft, on, ((0, 40), (float(rng.normal(0, 30)), 180)), (52, 58))
    bone = np.where(brain > 0, 1.0 + 2.6 * np.exp(-((brain / 0.12) ** 2)), 0)
    jaw = curve(((-60, 25), (-50, 95), (50, 95), (60, 25)))
    tube(bone, on, jaw, 9)
    for x in np.linspace(-28, 28, 10):
        rod(bone, on, ((float(x), 58), (float(x), 80)), (3, 3))
    for side in (-1.0, 1.0):
        orbit = ellipse(on, (side * 32, 5), (19, 17))
        bone = np.where(orbit > 0, bone * 0.35, bone)
    bone += _column(rng, on, 0.0, (90, 180), 18)
    return soft, np.minimum(bone, 5.0)


def _spine(rng: np.random.Generator, on: FilmPlane) -> tuple[Float, Float]:
    """Draw a cervical or lumbar spine, frontal or lateral."""
    wide = float(rng.uniform(50, 120))
    soft, bone = on.canvas(), _column(rng, on, float(rng.normal(0, 10)), (-180, 180), wide * 0.3)
    rod(soft, on, ((0, -200), (0, 200)), (wide, wide * float(rng.uniform(1.0, 1.5))))
    return soft * 1.2, bone


def _foot(rng: np.random.Generator, on: FilmPlane) -> tuple[Float, Float]:
    soft, bone = on.canvas(), on.canvas()
    rod(soft, on, ((-60, -180), (-70, 40)), (45, 38))
    rod(soft, on, ((-70, 50), (130, 80)), (40, 18))
    for ends, radii in (
        (((-60, -180), (-66, 20)), (16, 18)),
        (((-85, -180), (-88, 30)), (8, 10)),
        (((-75, 45), (-105, 75)), (24, 20)),
        (((-60, 40), (-10, 52)), (22, 15)),
    ):
        rod(bone, on, ends, radii)
    for toe in range(5):
        y = 50 + 7.0 * toe
        rod(bone, on, ((-5, y), (60, y + 10)), (6, 5))
        rod(bone, on, ((66, y + 11), (110, y + 16 + float(rng.normal(0, 3)))), (5, 4))
    return soft, bone * 0.8


def _shoulder(rng: np.random.Generator, on: FilmPlane) -> tuple[Float, Float]:
    soft, bone = on.canvas(), on.canvas()
    rod(soft, on, ((-200, 60), (20, -20)), (110, 75))
    rod(soft, on, ((20, -20), (80, 190)), (60, 48))
    rod(bone, on, ((-150, -60), (10, -55)), (7, 8))
    bone += np.sqrt(np.maximum(ellipse(on, (40, -20), (27, 27)), 0)) * 2.4
    rod(bone, on, ((42, -10), (78, 190)), (17, 12))
    blade = ellipse(on, (-40, 40), (38, 75), float(rng.uniform(-0.4, 0.2)))
    bone += np.where(blade > 0, 0.35 + 0.8 * np.exp(-((blade / 0.2) ** 2)), 0)
    for level in range(5):
        y = -40 + 32.0 * level
        tube(bone, on, curve(((-160, y), (-100, y + 5), (-70, y + 60))), 6)
    return soft, np.minimum(bone, 3.5)


def _breast(rng: np.random.Generator, on: FilmPlane) -> tuple[Float, Float]:
    size = float(rng.uniform(70, 140))
    outline = ellipse(on, (-150, float(rng.normal(0, 25))), (size * 1.3, size * 1.2))
    size_px = len(on.x)
    gland = np.exp(1.2 * _field(rng, size_px, 2.0))
    soft = np.where(outline > 0, (1 - np.exp(-6 * outline)) * (3.2 + 0.8 * gland), 0)
    return soft.astype(np.float32), on.canvas()


def _column(
    rng: np.random.Generator, on: FilmPlane, x: float, reach: tuple[float, float], wide: float
) -> Float:
    """Draw a column of vertebrae, slightly inclined."""
    bone = on.canvas()
    tall = wide * float(rng.uniform(0.9, 1.3))
    lean, y = float(rng.normal(0, 0.1)), reach[0]
    while y < reach[1]:
        middle = (x + lean * y, y)
        body = 1 - np.maximum(
            abs((on.x[None, :] - middle[0]) / wide) ** 6,
            abs((on.y[:, None] - y) / (tall * 0.44)) ** 6,
        )
        bone += np.where(body > 0, 1.6 + 0.9 * (1 - body), 0)
        rod(bone, on, (middle, (middle[0], y + tall * 0.3)), (4, 3))
        y += tall
    return bone.astype(np.float32)


def _noise(rng: np.random.Generator, size: int) -> Float:
    return _unit(rng.normal(0, 1, (size, size)))


def _cloud(rng: np.random.Generator, size: int) -> Float:
    """Return a random field with the spectrum of photographs."""
    return _unit(_field(rng, size, float(rng.uniform(1.2, 3.4))))


def _slope(rng: np.random.Generator, size: int) -> Float:
    down, right = np.mgrid[:size, :size] / size
    heading = rng.uniform(0, 2 * np.pi)
    return _unit(np.cos(heading) * down + np.sin(heading) * right + rng.normal(0, 0.01, down.shape))


def _pattern(rng: np.random.Generator, size: int) -> Float:
    """Draw test patterns: step wedges, bars, discs and meshes."""
    down, right = np.mgrid[:size, :size] / size
    steps = np.floor(right * rng.integers(4, 14)) / 10
    bars = np.sin(2 * np.pi * down * rng.integers(4, 40)) > 0
    rings = np.hypot(down - 0.5, right - 0.5) < rng.uniform(0.1, 0.45)
    mesh = (np.sin(down * 80) > 0.95) | (np.sin(right * 80) > 0.95)
    layers = np.stack([steps, bars, rings, mesh]).astype(np.float64)
    chosen = rng.dirichlet(np.full(4, 0.6))
    return _unit(np.tensordot(chosen, layers, 1) + rng.normal(0, 0.02, down.shape))


def _page(rng: np.random.Generator, size: int) -> Float:
    """Draw lines of text or a table, as in scanned documents."""
    page = np.full((size, size), 0.95)
    line = int(rng.integers(5, 11))
    for top in range(line, size - line, line):
        if rng.random() < 0.8:
            ink = ndimage.uniform_filter1d(rng.random(size), 3) < rng.uniform(0.3, 0.6)
            ink[: int(size * rng.uniform(0.02, 0.3))] = False
            ink[int(size * rng.uniform(0.5, 0.98)) :] = False
            page[top : top + line // 2, ink] = 0.1
    return _unit(page if rng.random() < 0.7 else 1 - page)


def _blobs(rng: np.random.Generator, on: FilmPlane) -> Float:
    blobs = on.canvas()
    for x, y, radius in rng.uniform((-140, -140, 4), (140, 140, 30), (6, 3)).tolist():
        blobs += np.sqrt(np.maximum(ellipse(on, (x, y), (radius, radius)), 0))
    return blobs


def _field(rng: np.random.Generator, size: int, power: float) -> Float:
    """Return a random field, mean 0, standard deviation 1, with low amplitude at high frequency."""
    noise = np.fft.rfft2(rng.normal(0, 1, (size, size)))
    down, right = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    frequency = np.hypot(down, right)
    frequency[0, 0] = 1.0
    field = np.fft.irfft2(noise / frequency ** (power / 2), (size, size))
    field = (field - field.mean()) / max(float(field.std()), 1e-9)
    return np.asarray(field, np.float32)


def _rotate(layer: Float, degrees: float) -> Float:
    rotated: Float = ndimage.rotate(layer, degrees, reshape=False, order=1, mode="nearest")
    return np.asarray(np.maximum(rotated, 0), np.float32)


def _unit(values: npt.NDArray[np.floating]) -> Float:
    low, high = np.percentile(values, (0.5, 99.5))
    return np.asarray(np.clip((values - low) / max(high - low, 1e-9), 0, 1), np.float32)


BODY_PARTS: Final[Mapping[str, Draw]] = MappingProxyType(
    {
        "hand": _hand,
        "limb": _limb,
        "pelvis": _pelvis,
        "abdomen": _abdomen,
        "skull": _skull,
        "spine": _spine,
        "foot": _foot,
        "shoulder": _shoulder,
        "breast": _breast,
    }
)
PATTERNS: Final[Mapping[str, Callable[[np.random.Generator, int], Float]]] = MappingProxyType(
    {"noise": _noise, "cloud": _cloud, "slope": _slope, "pattern": _pattern, "page": _page}
)
