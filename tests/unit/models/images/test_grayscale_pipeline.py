"""The pipeline gives the same result on grey levels as on pixels."""

import pickle
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom import Dataset

from models.images.dicom import PixelError, read_radiograph
from models.images.grayscale_pipeline import grey_of_colour, levels_of, look_up
from node.domain.errors import Rejected

FILMS = arrays(np.int16, (7, 5), elements=st.integers(-300, 300))
WIDE = arrays(np.int64, (7, 5), elements=st.integers(-(2**31), 2**31 - 1))


@given(st.one_of(FILMS, WIDE))
def test_levels_are_the_values_of_the_film_with_their_counts(film: np.ndarray) -> None:
    values, counts = np.unique(film, return_counts=True)
    levels = levels_of(film)
    assert levels.stored.tolist() == values.tolist()
    assert levels.counts.tolist() == counts.tolist()


@given(st.one_of(FILMS, WIDE))
def test_a_look_up_converts_each_pixel(film: np.ndarray) -> None:
    levels = levels_of(film)
    values = np.cos(levels.stored.astype(np.float64))
    assert np.array_equal(
        look_up(film, levels, values), np.cos(film.astype(np.float64)).astype(np.float32)
    )


@given(FILMS, st.floats(0, 100), st.sampled_from([2.5, -1.0]))
def test_the_percentile_of_levels_is_that_of_the_pixels(
    film: np.ndarray, percent: float, slope: float
) -> None:
    """The percentile is also correct if a Modality LUT reverses the order of the levels."""
    levels = levels_of(film)
    percentile = levels.percentile(slope * levels.stored, percent)
    assert percentile == pytest.approx(np.percentile(slope * film, percent), abs=1e-9)


def test_a_percentile_excludes_padding() -> None:
    film = np.array([[0, 0, 0, 0, 10, 20]])
    levels = levels_of(film)
    unpadded = levels.without(levels.stored == 0)
    assert unpadded.percentile(unpadded.stored.astype(np.float64), 50) == 15
    assert unpadded.picture.tolist() == [False, True, True]


def test_colour_may_differ_in_one_pixel_of_a_thousand() -> None:
    film = np.full((100, 100, 3), 80, np.uint8)
    film[0, :10, 0] = 200
    grey = grey_of_colour(film, limit=5)
    assert grey is not None
    assert (grey[1:] == 80).all()
    assert grey[0, 0] == 120
    film[0, 10, 0] = 200
    assert grey_of_colour(film, limit=5) is None


def test_the_largest_film_is_decoded_and_a_larger_one_refused(
    make_ds: Callable[..., Dataset],
) -> None:
    """10,000 x 10,000 pixels are decoded; more than 12,000 x 12,000 are refused."""
    ramp = np.broadcast_to(np.arange(10_000, dtype=np.uint16), (10_000, 10_000))
    film = read_radiograph(make_ds(ramp)).pixels
    assert film.shape == ramp.shape
    assert (np.diff(film[5_000, 20:-20]) > 0).all()
    with pytest.raises(PixelError, match="12001 x 12000 pixels is larger than any radiograph"):
        read_radiograph(make_ds(ramp, Rows=12_001, Columns=12_000))


def test_a_pixel_error_can_be_sent_between_processes() -> None:
    """An error that cannot be pickled would break the pool of decoder processes."""
    error = pickle.loads(pickle.dumps(Rejected("pixels", "flat")))  # noqa: S301 - our own bytes
    assert (error.reason, error.text, str(error)) == ("pixels", "flat", "flat")
