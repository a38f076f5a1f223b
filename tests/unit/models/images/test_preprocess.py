"""A film is prepared for the net, and its field of view maps the net's square to the film."""

import numpy as np
import pytest

from models.images.preprocess import prepare, transform
from models.images.radiograph import Radiograph


def _noise(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, columns), dtype=np.float32)


@pytest.mark.parametrize(("rows", "columns"), [(300, 200), (200, 300), (192, 192), (50, 40)])
def test_any_film_becomes_a_square_of_the_given_size(rows: int, columns: int) -> None:
    prepared = prepare(Radiograph(_noise(rows, columns)), 192)
    assert prepared.array.shape == (1, 192, 192)
    assert prepared.array.dtype == np.float32
    assert np.isfinite(prepared.array).all()


def test_the_field_of_view_of_a_tall_film_is_wider_than_the_film() -> None:
    place = prepare(Radiograph(_noise(384, 192)), 192).field_of_view
    assert (place.top, place.height) == (0.0, 384.0)
    assert (place.left, place.width) == (-96.0, 384.0)


def test_padding_is_zero_outside_of_the_film() -> None:
    array = prepare(Radiograph(_noise(384, 192)), 192).array[0]
    assert (array[:, :48] == 0).all()
    assert (array[:, 144:] == 0).all()
    assert (array[:, 48:144] != 0).any(axis=0).all()


def test_pixels_become_square_before_the_padding() -> None:
    """A film with half as many rows, each twice as high, fills the square."""
    place = prepare(Radiograph(_noise(96, 192), aspect=2.0), 192).field_of_view
    assert (place.top, place.left, place.height, place.width) == (0.0, 0.0, 96.0, 192.0)


def test_the_field_of_view_maps_points_back_to_the_film() -> None:
    pixels = np.full((400, 300), 0.5, np.float32)
    pixels[100:104, 200:204] = 1.0
    prepared = prepare(Radiograph(pixels), 192)
    row, column = np.unravel_index(prepared.array[0].argmax(), (192, 192))
    place = prepared.field_of_view
    assert place.top + (row + 0.5) / 192 * place.height == pytest.approx(102, abs=3)
    assert place.left + (column + 0.5) / 192 * place.width == pytest.approx(202, abs=3)


def test_fine_stripes_do_not_alias_if_the_film_is_reduced() -> None:
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (1024, 512))
    inside = prepare(Radiograph(stripes), 192).array[0, 20:-20, 20:-20]
    assert np.abs(inside).max() < 1.0


def test_brightness_and_slow_shading_have_little_effect() -> None:
    base = 0.4 + 0.05 * (_noise(192, 192) - 0.5)
    shaded = base + np.linspace(0, 0.3, 192, dtype=np.float32)[:, None]
    inner = (slice(30, -30), slice(30, -30))
    plain, shaded_result = transform(base, 6.0)[inner], transform(shaded, 6.0)[inner]
    assert np.corrcoef(plain.ravel(), shaded_result.ravel())[0, 1] > 0.8


def test_a_film_of_the_right_size_is_not_resampled() -> None:
    pixels = _noise(192, 192)
    assert np.array_equal(prepare(Radiograph(pixels), 192).array[0], transform(pixels, 6.0))
