"""The picture of the heatmap: the grey film with the heat in colour, and the legend below."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.images.radiograph import Heat
from node.results import colormap
from node.results.heatmap_legend import Legend, draw_legend

Rgb = npt.NDArray[np.uint8]

_MIN_WIDTH = 640  # minimum width in pixels for a readable legend


@dataclass(frozen=True, slots=True)
class Canvas:
    """Limits for the size of the film in the picture; the picture has square pixels.

    `max_side` limits the longer side in pixels. `aspect` is row spacing divided by column spacing.
    """

    max_side: int
    aspect: float = 1.0

    def size(self, rows: int, columns: int) -> tuple[int, int]:
        """Return height and width of the film in the picture; small films are enlarged."""
        height, width = rows * max(self.aspect, 1.0), columns * max(1 / self.aspect, 1.0)
        longest = max(height, width)
        factor = min(1.0, self.max_side / longest)
        if longest < _MIN_WIDTH:
            factor = min(_MIN_WIDTH, self.max_side) / longest
        return max(1, round(height * factor)), max(1, round(width * factor))


def render(grey: npt.NDArray[np.uint8], heat: Heat, legend: Legend, canvas: Canvas) -> Rgb:
    """Return the RGB picture of a film with heat and legend.

    The colour scale ends at the maximum heat of this film. Grad-CAM has no unit, so that colours
    of two films cannot be compared. Without heat, the film stays grey.
    """
    size = canvas.size(*grey.shape)
    resample = Image.Resampling.LANCZOS if size[0] < grey.shape[0] else Image.Resampling.BICUBIC
    film = np.asarray(Image.fromarray(grey).resize((size[1], size[0]), resample))
    values = resample_heat(heat, grey.shape, size)
    peak = float(values.max())
    picture = colormap.blend(film, values / peak if peak > 0 else values)
    width = max(size[1], _MIN_WIDTH)
    left = (width - size[1]) // 2
    picture = np.pad(picture, ((0, 0), (left, width - size[1] - left), (0, 0)))
    return np.concatenate([picture, draw_legend(legend, width, has_heat=peak > 0)])


def resample_heat(
    heat: Heat, film: tuple[int, ...], size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Return the heat at each pixel of a film that is drawn with this height and width (`size`).

    The heat outside of the grid is 0. Cubic B-splines stay between 0 and the maximum of the cells,
    unlike an interpolating cubic. NaN and infinite cells count as 0.
    """
    values = np.nan_to_num(heat.values.astype(np.float64), posinf=0.0, neginf=0.0).clip(min=0.0)
    field = heat.field_of_view
    down = _weights(values.shape[0], (field.top, field.height), film[0], size[0])
    across = _weights(values.shape[1], (field.left, field.width), film[1], size[1])
    return np.asarray(down @ values @ across.T, dtype=np.float32)


def _weights(
    cells: int, extent: tuple[float, float], film_length: int, length: int
) -> npt.NDArray[np.float64]:
    """Return weights (length, cells); each row adds up to 1 on the grid, and to 0 outside."""
    start, grid_length = extent
    if grid_length <= 0:
        return np.zeros((length, cells))
    on_film = (np.arange(length) + 0.5) * film_length / length
    on_grid = (on_film - start) / grid_length * cells
    padding = 2  # the spline spans two cells beyond the edge; the edge cell is repeated there
    weights = np.zeros((length, cells))
    for knot in range(-padding, cells + padding):
        weights[:, min(max(knot, 0), cells - 1)] += _cubic_b_spline(on_grid - 0.5 - knot)
    return weights * ((on_grid >= 0) & (on_grid <= cells))[:, None]


def _cubic_b_spline(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    d = np.abs(distance)
    near = 2 / 3 - d**2 + d**3 / 2
    far = np.clip(2 - d, 0.0, None) ** 3 / 6
    return np.where(d < 1, near, far)
