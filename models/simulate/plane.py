"""The film plane in millimetres, and the shapes that drawn structures consist of.

A shape describes thickness or areal density; ``exposure`` computes grey levels from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.images.grayscale_pipeline import Float

Point = tuple[float, float]

LUNG_TOP_MM = -150.0
"""Height of the lung apices on every film plane; drawn structures are positioned relative to it."""


@dataclass(frozen=True)
class FilmPlane:
    """Pixel centres in mm from the middle of the chest, ``step`` mm apart.

    ``x`` (columns,) increases to the patient's left, ``y`` (rows,) increases downwards.
    """

    x: Float
    y: Float
    step: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.y), len(self.x)

    def canvas(self) -> Float:
        """Return an array of zeros with the shape of the film."""
        return np.zeros(self.shape, np.float32)


def square_plane(size: int, field_mm: float, shift_mm: Point = (0.0, 0.0)) -> FilmPlane:
    """Return a square film plane of ``size`` pixels over ``field_mm``, shifted by ``shift_mm``."""
    step = field_mm / size
    centres = (np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)) * np.float32(step)
    return FilmPlane(centres + np.float32(shift_mm[0]), centres + np.float32(shift_mm[1]), step)


def rod(
    canvas: Float, plane: FilmPlane, ends: tuple[Point, Point], radii: tuple[float, float]
) -> None:
    """Draw a round rod's thickness in cm on ``canvas``, in place; ends and radii are in mm.

    The result is the maximum of canvas and rod; rods of one object therefore merge. A rod thinner
    than a pixel is drawn one pixel wide and with less thickness; its absorption is unchanged.
    """
    (x0, y0), (x1, y1) = ends
    minimum = 0.6 * plane.step
    wide = max(*radii, minimum)
    left, right = np.searchsorted(plane.x, (min(x0, x1) - wide, max(x0, x1) + wide))
    top, bottom = np.searchsorted(plane.y, (min(y0, y1) - wide, max(y0, y1) + wide))
    if left >= right or top >= bottom:
        return
    x, y = plane.x[None, left:right] - np.float32(x0), plane.y[top:bottom, None] - np.float32(y0)
    dx, dy = x1 - x0, y1 - y0
    along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-6), 0.0, 1.0)
    radius = radii[0] + (radii[1] - radii[0]) * along
    drawn = np.maximum(radius, minimum)
    squared = drawn**2 - (x - along * dx) ** 2 - (y - along * dy) ** 2
    thickness = 0.2 * np.sqrt(np.maximum(squared, 0.0)) * (radius / drawn) ** 2
    part = canvas[top:bottom, left:right]
    np.maximum(part, thickness.astype(np.float32), out=part)


def tube(canvas: Float, plane: FilmPlane, path: Iterable[Point], radius: float) -> None:
    """Draw rods of one radius along a path, in place."""
    points = list(path)
    for ends in pairwise(points):
        rod(canvas, plane, ends, (radius, radius))


def curve(control_points: Iterable[Point], count: int = 16) -> list[Point]:
    """Return ``count`` points of the Bezier curve with the given control points."""
    level = np.array(list(control_points), np.float64)[None]
    share = np.linspace(0.0, 1.0, count)[:, None, None]
    while level.shape[1] > 1:
        level = (1 - share) * level[:, :-1] + share * level[:, 1:]
    return [(float(x), float(y)) for x, y in level[:, 0]]


def ellipse(plane: FilmPlane, centre: Point, radii: Point, turn: float = 0.0) -> Float:
    """Return 1 - d**2, where d is the distance from the centre in units of the radii.

    ``turn`` is the rotation in radians. Values outside the ellipse are negative.
    """
    x, y = plane.x[None, :] - np.float32(centre[0]), plane.y[:, None] - np.float32(centre[1])
    cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    along, across = x * cosine + y * sine, y * cosine - x * sine
    inside = 1 - (along / np.float32(radii[0])) ** 2 - (across / np.float32(radii[1])) ** 2
    return np.asarray(inside, np.float32)


def smoothstep(values: Float, low: float, high: float) -> Float:
    """Return 0 up to ``low``, 1 from ``high`` on, and a smooth transition between.

    If ``high`` is smaller than ``low``, the values decrease from 1 to 0.
    """
    unit = np.clip((values - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    smooth: Float = (unit * unit * (3 - 2 * unit)).astype(np.float32)
    return smooth
