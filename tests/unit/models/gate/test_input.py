"""The gate's input does not depend on tone, polarity, bit depth and position of the film."""

import numpy as np
import pytest
import torch

from models.gate.input import film_mask, gate_input, rank_pixels, to_square
from models.images.radiograph import Radiograph


@pytest.fixture
def film() -> Radiograph:
    """Return a film of 200 x 150 with a gradient, a disc and some grain."""
    down, right = np.mgrid[:200, :150] / 200
    grain = np.random.default_rng(1).normal(0, 0.02, down.shape)
    disc = 0.3 * (np.hypot(down - 0.5, right - 0.4) < 0.2)
    return Radiograph((0.2 + 0.4 * down + disc + grain).clip(0, 1).astype(np.float32))


def test_a_tone_curve_changes_no_rank(film: Radiograph) -> None:
    """Windows and tone curves of vendors differ, but the order of grey levels is the same."""
    toned = Radiograph(0.1 + 0.5 * film.pixels**1.7)
    before, after = gate_input(film, 96), gate_input(toned, 96)
    assert float((before - after).abs().mean()) < 0.01  # edges were averaged in another tone


def test_inversion_changes_only_the_sign(film: Radiograph) -> None:
    inverted = Radiograph(1 - film.pixels)
    assert torch.allclose(gate_input(inverted, 96), -gate_input(film, 96), atol=0.01)


def test_ranks_are_spread_evenly_over_the_film(film: Radiograph) -> None:
    ranks = gate_input(film, 96)
    height, width = to_square(film, 96)[1]
    mask = film_mask(torch.tensor([[height, width]]), 96)[0]
    inner = ranks[mask]
    assert float(inner.mean()) == pytest.approx(0, abs=0.01)
    assert float((inner > 0).float().mean()) == pytest.approx(0.5, abs=0.01)


def test_pixels_outside_of_the_film_are_zero(film: Radiograph) -> None:
    """A tall film has bands with value 0 at its left and right side."""
    ranks = gate_input(film, 96)[0]
    assert (to_square(film, 96)[1]) == (96, 72)
    assert bool((ranks[:, :12] == 0).all())
    assert bool((ranks[:, -12:] == 0).all())
    assert bool((ranks[:, 12:84] != 0).any())


def test_pixels_that_are_not_square_are_corrected(film: Radiograph) -> None:
    """With twice the row spacing, half as many rows cover the same height."""
    squeezed = Radiograph(film.pixels[::2], aspect=2.0)
    assert to_square(squeezed, 96)[1] == to_square(film, 96)[1]
    assert float((gate_input(squeezed, 96) - gate_input(film, 96)).abs().mean()) < 0.05


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_flat_film_has_finite_ranks(level: float) -> None:
    flat = torch.full((1, 1, 8, 8), level)
    ranks = rank_pixels(flat, torch.ones(1, 1, 8, 8, dtype=torch.bool))
    assert bool(torch.isfinite(ranks).all())
    assert float(ranks.abs().max()) == pytest.approx(0, abs=1e-6)
