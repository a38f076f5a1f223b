"""Working on levels gives the picture that working on every pixel would."""

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
def test_levels_are_the_values_that_occur_with_their_numbers(film: np.ndarray) -> None:
    values, counts = np.unique(film, return_counts=True)
    levels = levels_of(film)
    assert levels.stored.tolist() == values.tolist()
    assert levels.counts.tolist() == counts.tolist()


@given(st.one_of(FILMS, WIDE))
def test_a_look_up_shows_each_pixel_by_its_level(film: np.ndarray) -> None:
    levels = levels_of(film)
    shown = np.cos(levels.stored.astype(np.float64))
    assert np.array_equal(
        look_up(film, levels, shown), np.cos(film.astype(np.float64)).astype(np.float32)
    )


@given(FILMS, st.floats(0, 100), st.sampled_from([2.5, -1.0]))
def test_a_percentile_is_that_of_the_pixels(film: np.ndarray, percent: float, slope: float) -> None:
    """Also where a Modality LUT turns the order of the levels round."""
    levels = levels_of(film)
    found = levels.percentile(slope * levels.stored, percent)
    assert found == pytest.approx(np.percentile(slope * film, percent), abs=1e-9)


def test_a_percentile_leaves_padding_out() -> None:
    film = np.array([[0, 0, 0, 0, 10, 20]])
    levels = levels_of(film)
    shown = levels.without(levels.stored == 0)
    assert shown.percentile(shown.stored.astype(np.float64), 50) == 15
    assert shown.picture.tolist() == [False, True, True]


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
    """10,000 x 10,000 is read; beyond 12,000 x 12,000 nothing is, whatever the header says."""
    ramp = np.broadcast_to(np.arange(10_000, dtype=np.uint16), (10_000, 10_000))
    film = read_radiograph(make_ds(ramp)).pixels
    assert film.shape == ramp.shape
    assert (np.diff(film[5_000, 20:-20]) > 0).all()
    with pytest.raises(PixelError, match="12001 x 12000 pixels is larger than any radiograph"):
        read_radiograph(make_ds(ramp, Rows=12_001, Columns=12_000))


def test_a_refusal_survives_its_way_from_another_process() -> None:
    """One that does not would take the whole pool of decoders with it."""
    error = pickle.loads(pickle.dumps(Rejected("pixels", "flat")))  # noqa: S301 - our own bytes
    assert (error.reason, error.text, str(error)) == ("pixels", "flat", "flat")
