"""The picture has the heat at its position, an unchanged film, and a legend below the film."""

import numpy as np
import pytest

from models.images.radiograph import FieldOfView, Heat
from node.results import colormap
from node.results.heatmap_image import Canvas, render, resample_heat
from node.results.heatmap_legend import Legend

LEGEND = Legend("Osteoporosis not suspected", 11.0, 41.0, "model", "NOT FOR DIAGNOSIS", "note")
CANVAS = Canvas(max_side=2048)


def flat(rows: int, columns: int, value: int = 120) -> np.ndarray:
    """Return a film of one grey level."""
    return np.full((rows, columns), value, dtype=np.uint8)


def spot(rows: int, columns: int, row: int, column: int, grid: int = 18) -> Heat:
    """Return heat in one cell of a square grid that is centred on the film."""
    values = np.zeros((grid, grid), dtype=np.float32)
    values[row, column] = 0.002
    side = max(rows, columns)
    return Heat(values, FieldOfView((rows - side) / 2, (columns - side) / 2, side, side))


def colourful(picture: np.ndarray) -> np.ndarray:
    """Return the range of each pixel's channels, which is 0 for grey."""
    return np.ptp(picture.astype(int), axis=-1)


@pytest.mark.parametrize(("rows", "columns"), [(1000, 800), (800, 1000), (900, 900)])
def test_a_cell_is_drawn_at_its_position_on_the_film(rows: int, columns: int) -> None:
    film = flat(rows, columns)
    picture = render(film, spot(rows, columns, 5, 11), LEGEND, CANVAS)[:rows]
    strongest = np.unravel_index(colourful(picture).argmax(), (rows, columns))
    side = max(rows, columns)
    expected = (5.5 / 18 * side - (side - rows) / 2, 11.5 / 18 * side - (side - columns) / 2)
    assert np.abs(np.subtract(strongest, expected)).max() < side / 18


def test_pixels_without_heat_keep_their_grey_level() -> None:
    film = flat(800, 800)
    picture = render(film, spot(800, 800, 9, 9), LEGEND, CANVAS)
    assert (picture[:150, :150] == 120).all()
    assert (picture[650:800, 650:] == 120).all()


def test_no_text_is_drawn_on_the_film() -> None:
    no_heat = Heat(np.zeros((6, 6), dtype=np.float32), FieldOfView(0, 0, 700, 700))
    picture = render(flat(700, 700), no_heat, LEGEND, CANVAS)
    assert (picture[:700] == 120).all()
    assert picture.shape[0] > 700
    assert picture[700:].std() > 10


def test_resampling_keeps_the_values_of_the_cells() -> None:
    values = np.zeros((24, 24), dtype=np.float32)
    values[2:8, 2:8], values[14:20, 14:20] = 0.004, 0.002
    resampled = resample_heat(Heat(values, FieldOfView(0, 0, 480, 480)), (480, 480), (480, 480))
    assert resampled[100, 100] == pytest.approx(0.004, rel=0.01)
    assert resampled[340, 340] == pytest.approx(0.002, rel=0.01)


def test_resampled_heat_is_in_range_and_zero_outside_of_the_grid() -> None:
    rng = np.random.default_rng(1)
    values = rng.random((18, 18), dtype=np.float32)
    resampled = resample_heat(Heat(values, FieldOfView(100, 100, 200, 200)), (400, 400), (400, 400))
    assert resampled.min() >= 0
    assert resampled.max() <= values.max() + 1e-6
    assert resampled[:100].max() == resampled[300:].max() == resampled[:, :100].max() == 0
    constant = resample_heat(
        Heat(np.ones((6, 6), np.float32), FieldOfView(0, 0, 50, 50)), (50, 50), (70, 70)
    )
    assert constant == pytest.approx(1.0)


def test_nan_infinite_and_negative_cells_count_as_zero() -> None:
    values = np.full((6, 6), np.nan, dtype=np.float32)
    values[0, 0], values[1, 1] = np.inf, -1.0
    resampled = resample_heat(Heat(values, FieldOfView(0, 0, 60, 60)), (60, 60), (60, 60))
    assert (resampled == 0).all()


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
def test_size_of_the_film_on_the_picture(
    rows: int, columns: int, aspect: float, expected: tuple[int, int]
) -> None:
    """Large films are reduced, small films are enlarged, and pixels become square."""
    assert Canvas(2048, aspect).size(rows, columns) == expected


def test_a_narrow_film_is_centred_above_the_legend() -> None:
    picture = render(flat(1500, 200), spot(1500, 200, 9, 9), LEGEND, CANVAS)
    assert picture.shape[1] == 640
    assert (picture[:1500, :220] == 0).all()
    assert (picture[10, 230:410] == 120).all()


def test_luminance_and_opacity_rise_with_the_heat() -> None:
    linear = (colormap.scale() / 255.0) ** 2.2
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > -1e-3).all()
    assert luminance[-1] - luminance[0] > 0.5
    assert (np.diff(colormap.opacity(np.linspace(0, 1, 50, dtype=np.float32))) >= 0).all()
