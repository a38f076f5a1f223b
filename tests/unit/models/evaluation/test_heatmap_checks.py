"""Heatmaps are compared with the bone mask, a net with shuffled weights, and a rerun."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.bundle.card import Card
from models.bundle.score import Bundle, Score
from models.evaluation.heatmap_checks import check_heatmaps, measure_bone_heat, similarity
from models.images.preprocess import prepare
from models.images.radiograph import FieldOfView, Heat, Radiograph
from models.nets.grid import GridConfig, GridNet
from tests.unit.models.bundle.test_store import CARD

SQUARE = FieldOfView(0.0, 0.0, 60.0, 60.0)


def _mask(rows: int = 60, columns: int = 60) -> np.ndarray:
    """Return a mask with bone in the left half."""
    mask = np.zeros((rows, columns), np.float32)
    mask[:, : columns // 2] = 1.0
    return mask


def test_heat_in_bone_alone_gives_a_ratio_of_two_if_bone_is_half_the_area() -> None:
    heat = np.zeros((6, 6), np.float32)
    heat[:, :3] = 0.4
    bone_heat = measure_bone_heat(heat, SQUARE, _mask())
    assert bone_heat is not None
    assert (bone_heat.heat_share, bone_heat.area_share, bone_heat.ratio) == pytest.approx(
        (1.0, 0.5, 2.0)
    )


def test_evenly_spread_heat_gives_a_ratio_of_one() -> None:
    bone_heat = measure_bone_heat(np.ones((6, 6), np.float32), SQUARE, _mask())
    assert bone_heat is not None
    assert bone_heat.ratio == pytest.approx(1.0)


def test_a_cell_half_on_bone_counts_half() -> None:
    heat = np.zeros((6, 6), np.float32)
    heat[2, 2] = 1.0
    mask = np.zeros((60, 60), np.float32)
    mask[20:30, 25:40] = 1.0
    bone_heat = measure_bone_heat(heat, SQUARE, mask)
    assert bone_heat is not None
    assert bone_heat.heat_share == pytest.approx(0.5)


def test_heat_on_padding_counts_as_heat_outside_bone() -> None:
    """A tall film has padding at both sides; its right half is the square's third quarter."""
    film = Radiograph(np.random.default_rng(0).random((80, 40), dtype=np.float32))
    place = prepare(film, 64).field_of_view
    mask = np.zeros((80, 40), np.float32)
    mask[:, 20:] = 1.0
    heat = np.zeros((4, 4), np.float32)
    heat[:, 2], heat[:, 3] = 3.0, 1.0
    bone_heat = measure_bone_heat(heat, place, mask)
    assert bone_heat is not None
    assert (bone_heat.heat_share, bone_heat.area_share) == pytest.approx((0.75, 0.5))


def test_without_heat_or_bone_the_result_is_none() -> None:
    cold, warm = np.zeros((6, 6), np.float32), np.ones((6, 6), np.float32)
    assert measure_bone_heat(cold, SQUARE, _mask()) is None
    assert measure_bone_heat(warm, SQUARE, np.zeros((60, 60), np.float32)) is None


def _score(heat: np.ndarray) -> Score:
    return Score(0.5, 0.0, Heat(heat.astype(np.float32), SQUARE))


def test_similarity_ignores_the_scale_of_a_map() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((12, 12)) ** 4, rng.random((12, 12)) ** 4
    assert similarity([_score(first)], [_score(first * 0.01)]) == pytest.approx(1.0, abs=1e-5)
    assert similarity([_score(first)], [_score(second)]) < 0.5


def test_shuffled_weights_change_the_maps_and_a_rerun_does_not(
    small: GridConfig, make_net: Callable[[GridConfig], GridNet]
) -> None:
    card = Card.model_validate(CARD | {"architecture": vars(small)})
    bundle = Bundle(card, make_net(small), "cpu", Path())
    before = {name: value.clone() for name, value in bundle.net.state_dict().items()}
    rng = np.random.default_rng(1)
    films = [Radiograph(rng.random((96, 96), dtype=np.float32)) for _ in range(4)]
    checks = check_heatmaps(bundle, films, 0)
    assert checks == check_heatmaps(bundle, films, 0)
    assert checks.rerun_difference == 0.0
    assert checks.ssim_randomised_weights < 0.9 < checks.ssim_darkened
    assert all(value.equal(before[name]) for name, value in bundle.net.state_dict().items())
