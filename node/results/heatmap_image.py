"""The heatmap's picture: the film in grey, the heat over it, and the legend in a band below.

Nothing is written on the film itself, so its own markers (L, R, date, technician) stay readable.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.images.radiograph import Heat
from node.results import colormap
from node.results.heatmap_legend import Legend, band

Rgb = npt.NDArray[np.uint8]

_SHORTEST_WIDTH = 640  # below this the legend cannot be read


@dataclass(frozen=True, slots=True)
class Canvas:
    """How the film is drawn: its longer side at most `max_side` pixels.

    `aspect` is the film's row spacing over its column spacing; pixels are drawn square.
    """

    max_side: int
    aspect: float = 1.0

    def size(self, rows: int, columns: int) -> tuple[int, int]:
        """Return height and width of the film on the picture; small films are enlarged."""
        height, width = rows * max(self.aspect, 1.0), columns * max(1 / self.aspect, 1.0)
        longest = max(height, width)
        factor = min(1.0, self.max_side / longest)
        if longest < _SHORTEST_WIDTH:
            factor = min(_SHORTEST_WIDTH, self.max_side) / longest
        return max(1, round(height * factor)), max(1, round(width * factor))


def render(grey: npt.NDArray[np.uint8], heat: Heat, legend: Legend, canvas: Canvas) -> Rgb:
    """Return the picture, (height, width, 3), of a film with its heat and legend.

    The top of the colour scale is the strongest heat on this very film: Grad-CAM has no unit, so
    colours compare places on one film, never two films. One scale serves the whole film, and a
    map without any heat stays grey.
    """
    size = canvas.size(*grey.shape)
    resample = Image.Resampling.LANCZOS if size[0] < grey.shape[0] else Image.Resampling.BICUBIC
    film = np.asarray(Image.fromarray(grey).resize((size[1], size[0]), resample))
    spread = spread_over(heat, grey.shape, size)
    peak = float(spread.max())
    picture = colormap.over(film, spread / peak if peak > 0 else spread)
    width = max(size[1], _SHORTEST_WIDTH)
    left = (width - size[1]) // 2
    picture = np.pad(picture, ((0, 0), (left, width - size[1] - left), (0, 0)))
    return np.concatenate([picture, band(legend, width, has_heat=peak > 0)])


def spread_over(
    heat: Heat, film: tuple[int, ...], size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Return the heat, (height, width), at each pixel of a film drawn at `size`; 0 off the grid.

    Cells are blended with cubic B-splines, which are smooth and, unlike an interpolating cubic,
    never fall below zero or rise above the neighbouring cells. A cell that is no number counts as
    zero.
    """
    values = np.nan_to_num(heat.values.astype(np.float64), posinf=0.0, neginf=0.0).clip(min=0.0)
    field = heat.field_of_view
    down = _weights(values.shape[0], (field.top, field.height), film[0], size[0])
    across = _weights(values.shape[1], (field.left, field.width), film[1], size[1])
    return np.asarray(down @ values @ across.T, dtype=np.float32)


def _weights(
    cells: int, extent: tuple[float, float], film_length: int, length: int
) -> npt.NDArray[np.float64]:
    """Return (length, cells) weights: each row sums to 1 on the grid, and to 0 beyond it."""
    start, reach = extent
    if reach <= 0:
        return np.zeros((length, cells))
    on_film = (np.arange(length) + 0.5) * film_length / length
    on_grid = (on_film - start) / reach * cells
    padding = 2  # the spline reaches two cells past the edge, where the edge cell goes on
    weights = np.zeros((length, cells))
    for knot in range(-padding, cells + padding):
        weights[:, min(max(knot, 0), cells - 1)] += _cubic_b_spline(on_grid - 0.5 - knot)
    return weights * ((on_grid >= 0) & (on_grid <= cells))[:, None]


def _cubic_b_spline(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    d = np.abs(distance)
    near = 2 / 3 - d**2 + d**3 / 2
    far = np.clip(2 - d, 0.0, None) ** 3 / 6
    return np.where(d < 1, near, far)
