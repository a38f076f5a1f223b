"""The film as a plane in millimetres, and the few shapes that everything drawn is made of.

Shapes return areal density or thickness, never grey: the beam goes through them like through the
rest of the patient.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
Point = tuple[float, float]

LUNG_TOP_MM = -150.0
"""Height of the lungs' tops on every plane; what is drawn counts from there."""


@dataclass(frozen=True)
class FilmPlane:
    """Pixel centres in mm from the middle of the chest: ``x`` (columns,) to the patient's left,
    ``y`` (rows,) down, ``step`` mm from one to the next.
    """

    x: Float
    y: Float
    step: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.y), len(self.x)

    def canvas(self) -> Float:
        """Nothing, of the film's shape."""
        return np.zeros(self.shape, np.float32)


def square_plane(size: int, field_mm: float, shift_mm: Point = (0.0, 0.0)) -> FilmPlane:
    """A square film of ``size`` pixels over ``field_mm``, its middle moved by ``shift_mm``."""
    step = field_mm / size
    line = (np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)) * np.float32(step)
    return FilmPlane(line + np.float32(shift_mm[0]), line + np.float32(shift_mm[1]), step)


def rod(
    canvas: Float, plane: FilmPlane, ends: tuple[Point, Point], radii: tuple[float, float]
) -> None:
    """Widen ``canvas`` to a round rod's thickness in cm; ends and radii in mm.

    In place, and by maximum: rods of one object merge. A rod thinner than a pixel is drawn a pixel
    wide and as much thinner along the beam, which keeps what it absorbs.
    """
    (x0, y0), (x1, y1) = ends
    least = 0.6 * plane.step
    wide = max(*radii, least)
    left, right = np.searchsorted(plane.x, (min(x0, x1) - wide, max(x0, x1) + wide))
    top, bottom = np.searchsorted(plane.y, (min(y0, y1) - wide, max(y0, y1) + wide))
    if left >= right or top >= bottom:
        return
    x, y = plane.x[None, left:right] - np.float32(x0), plane.y[top:bottom, None] - np.float32(y0)
    dx, dy = x1 - x0, y1 - y0
    along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-6), 0.0, 1.0)
    radius = radii[0] + (radii[1] - radii[0]) * along
    drawn = np.maximum(radius, least)
    off = drawn**2 - (x - along * dx) ** 2 - (y - along * dy) ** 2
    thick = 0.2 * np.sqrt(np.maximum(off, 0.0)) * (radius / drawn) ** 2
    part = canvas[top:bottom, left:right]
    np.maximum(part, thick.astype(np.float32), out=part)


def tube(canvas: Float, plane: FilmPlane, path: Iterable[Point], radius: float) -> None:
    """Rods of one radius along a path, in place."""
    points = list(path)
    for ends in pairwise(points):
        rod(canvas, plane, ends, (radius, radius))


def curve(through: Iterable[Point], count: int = 16) -> list[Point]:
    """A smooth path through or near the given points (a Bezier curve's)."""
    level = np.array(list(through), np.float64)[None]
    share = np.linspace(0.0, 1.0, count)[:, None, None]
    while level.shape[1] > 1:
        level = (1 - share) * level[:, :-1] + share * level[:, 1:]
    return [(float(x), float(y)) for x, y in level[:, 0]]


def ellipse(plane: FilmPlane, centre: Point, radii: Point, turn: float = 0.0) -> Float:
    """1 at the middle, 0 at the rim of an ellipse, negative beyond: one minus squared distance."""
    x, y = plane.x[None, :] - np.float32(centre[0]), plane.y[:, None] - np.float32(centre[1])
    cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    along, across = x * cosine + y * sine, y * cosine - x * sine
    inside = 1 - (along / np.float32(radii[0])) ** 2 - (across / np.float32(radii[1])) ** 2
    return np.asarray(inside, np.float32)


def smoothstep(values: Float, low: float, high: float) -> Float:
    """0 at or under ``low``, 1 at or over ``high`` (which may be the smaller), smooth between."""
    unit = np.clip((values - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    smooth: Float = (unit * unit * (3 - 2 * unit)).astype(np.float32)
    return smooth
