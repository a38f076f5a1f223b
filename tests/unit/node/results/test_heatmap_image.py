"""The heatmap's picture: heat where it belongs, the film readable, the legend below."""

import numpy as np
import pytest

from models.images.radiograph import FieldOfView, Heat
from node.results import colormap
from node.results.heatmap_image import Canvas, render, spread_over
from node.results.heatmap_legend import Legend

LEGEND = Legend("Osteoporosis not suspected", 11.0, 41.0, "model", "NOT FOR DIAGNOSIS", "note")
CANVAS = Canvas(max_side=2048)


def flat(rows: int, columns: int, value: int = 120) -> np.ndarray:
    """Return an even grey film."""
    return np.full((rows, columns), value, dtype=np.uint8)


def spot(rows: int, columns: int, row: int, column: int, grid: int = 18) -> Heat:
    """Return heat in one cell of a square grid that is centred on a film."""
    values = np.zeros((grid, grid), dtype=np.float32)
    values[row, column] = 0.002
    side = max(rows, columns)
    return Heat(values, FieldOfView((rows - side) / 2, (columns - side) / 2, side, side))


def colourful(picture: np.ndarray) -> np.ndarray:
    """Return how far each pixel is from grey."""
    return np.ptp(picture.astype(int), axis=-1)


@pytest.mark.parametrize(("rows", "columns"), [(1000, 800), (800, 1000), (900, 900)])
def test_heat_lies_where_the_model_put_it(rows: int, columns: int) -> None:
    """A cell of the padded square grid is brought back to the film's own pixels."""
    film = flat(rows, columns)
    picture = render(film, spot(rows, columns, 5, 11), LEGEND, CANVAS)[:rows]
    strongest = np.unravel_index(colourful(picture).argmax(), (rows, columns))
    side = max(rows, columns)
    expected = (5.5 / 18 * side - (side - rows) / 2, 11.5 / 18 * side - (side - columns) / 2)
    assert np.abs(np.subtract(strongest, expected)).max() < side / 18


def test_the_film_is_untouched_where_there_is_no_heat() -> None:
    """Grey stays grey to the very value, so that markers and anatomy can be read."""
    film = flat(800, 800)
    picture = render(film, spot(800, 800, 9, 9), LEGEND, CANVAS)
    assert (picture[:150, :150] == 120).all()
    assert (picture[650:800, 650:] == 120).all()


def test_nothing_is_written_on_the_film() -> None:
    """All texts are in the band below: the film's own L and R are never covered."""
    silent = Heat(np.zeros((6, 6), dtype=np.float32), FieldOfView(0, 0, 700, 700))
    picture = render(flat(700, 700), silent, LEGEND, CANVAS)
    assert (picture[:700] == 120).all()
    assert picture.shape[0] > 700
    assert picture[700:].std() > 10


def test_one_scale_serves_the_whole_film() -> None:
    """Half the heat is half-way up the scale, wherever it lies; the strongest is the top."""
    values = np.zeros((24, 24), dtype=np.float32)
    values[2:8, 2:8], values[14:20, 14:20] = 0.004, 0.002
    spread = spread_over(Heat(values, FieldOfView(0, 0, 480, 480)), (480, 480), (480, 480))
    assert spread[100, 100] == pytest.approx(0.004, rel=0.01)
    assert spread[340, 340] == pytest.approx(0.002, rel=0.01)


def test_spreading_neither_overshoots_nor_leaves_the_grid() -> None:
    """Heat stays between zero and its largest cell, and ends where the grid ends."""
    rng = np.random.default_rng(1)
    values = rng.random((18, 18), dtype=np.float32)
    spread = spread_over(Heat(values, FieldOfView(100, 100, 200, 200)), (400, 400), (400, 400))
    assert spread.min() >= 0
    assert spread.max() <= values.max() + 1e-6
    assert spread[:100].max() == spread[300:].max() == spread[:, :100].max() == 0
    even = spread_over(
        Heat(np.ones((6, 6), np.float32), FieldOfView(0, 0, 50, 50)), (50, 50), (70, 70)
    )
    assert even == pytest.approx(1.0)


def test_cells_that_are_no_numbers_count_as_zero() -> None:
    """A net that overflowed on one cell still gives a picture."""
    values = np.full((6, 6), np.nan, dtype=np.float32)
    values[0, 0], values[1, 1] = np.inf, -1.0
    spread = spread_over(Heat(values, FieldOfView(0, 0, 60, 60)), (60, 60), (60, 60))
    assert (spread == 0).all()


@pytest.mark.parametrize(
    ("rows", "columns", "aspect", "expected"),
    [
        (1955, 1841, 1.0, (1955, 1841)),
        (4280, 3520, 1.0, (2048, 1684)),
        (3520, 4280, 1.0, (1684, 2048)),
        (32, 32, 1.0, (640, 640)),
        (1000, 1000, 1.25, (1250, 1000)),
        (1000, 1000, 0.8, (1000, 1250)),
        (30, 9000, 1.0, (7, 2048)),
    ],
)
def test_the_size_of_the_film_on_the_picture(
    rows: int, columns: int, aspect: float, expected: tuple[int, int]
) -> None:
    """Large films are reduced, tiny ones enlarged, and pixels that are not square made so."""
    assert Canvas(2048, aspect).size(rows, columns) == expected


def test_the_legend_fits_a_narrow_film() -> None:
    """A narrow film is centred on a picture that is wide enough for the legend."""
    picture = render(flat(1500, 200), spot(1500, 200, 9, 9), LEGEND, CANVAS)
    assert picture.shape[1] == 640
    assert (picture[:1500, :220] == 0).all()
    assert (picture[10, 230:410] == 120).all()


def test_the_colour_scale_reads_without_colour() -> None:
    """Luminance rises at every step, so the scale holds in grey and for colour-blind eyes."""
    linear = (colormap.scale() / 255.0) ** 2.2
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > -1e-3).all()
    assert luminance[-1] - luminance[0] > 0.5
    assert (np.diff(colormap.opacity(np.linspace(0, 1, 50, dtype=np.float32))) >= 0).all()
