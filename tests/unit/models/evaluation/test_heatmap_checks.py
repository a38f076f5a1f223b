"""Heat is measured against bone, against a net that knows nothing, and against itself."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.bundle.card import Card
from models.bundle.score import Bundle, Score
from models.evaluation.heatmap_checks import bone_heat, faithfulness, likeness
from models.images.dicom import Radiograph
from models.images.preprocess import Placement, prepare
from models.nets.grid import GridConfig, GridNet
from tests.unit.models.bundle.test_store import CARD

SQUARE = Placement(0.0, 0.0, 60.0, 60.0)


def _mask(rows: int = 60, columns: int = 60) -> np.ndarray:
    """Bone in the left half."""
    mask = np.zeros((rows, columns), np.float32)
    mask[:, : columns // 2] = 1.0
    return mask


def test_heat_that_lies_in_bone_alone_has_twice_its_share_of_half_the_area() -> None:
    heat = np.zeros((6, 6), np.float32)
    heat[:, :3] = 0.4
    found = bone_heat(heat, SQUARE, _mask())
    assert found is not None
    assert (found.heat, found.area, found.ratio) == pytest.approx((1.0, 0.5, 2.0))


def test_even_heat_has_bones_own_share() -> None:
    found = bone_heat(np.ones((6, 6), np.float32), SQUARE, _mask())
    assert found is not None
    assert found.ratio == pytest.approx(1.0)


def test_a_cell_half_on_bone_counts_half() -> None:
    heat = np.zeros((6, 6), np.float32)
    heat[2, 2] = 1.0
    mask = np.zeros((60, 60), np.float32)
    mask[20:30, 25:40] = 1.0
    found = bone_heat(heat, SQUARE, mask)
    assert found is not None
    assert found.heat == pytest.approx(0.5)


def test_heat_on_padding_is_heat_outside_bone() -> None:
    """A tall film is padded left and right; the film's right half is the square's third quarter."""
    film = Radiograph(np.random.default_rng(0).random((80, 40), dtype=np.float32))
    place = prepare(film, 64).placement
    mask = np.zeros((80, 40), np.float32)
    mask[:, 20:] = 1.0
    heat = np.zeros((4, 4), np.float32)
    heat[:, 2], heat[:, 3] = 3.0, 1.0
    found = bone_heat(heat, place, mask)
    assert found is not None
    assert (found.heat, found.area) == pytest.approx((0.75, 0.5))


def test_without_heat_or_bone_there_is_no_measure() -> None:
    cold, warm = np.zeros((6, 6), np.float32), np.ones((6, 6), np.float32)
    assert bone_heat(cold, SQUARE, _mask()) is None
    assert bone_heat(warm, SQUARE, np.zeros((60, 60), np.float32)) is None


def _score(heat: np.ndarray) -> Score:
    return Score(0.5, 0.0, heat.astype(np.float32), SQUARE)


def test_a_map_is_like_itself_at_any_strength_and_unlike_another() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.random((12, 12)) ** 4, rng.random((12, 12)) ** 4
    assert likeness([_score(one)], [_score(one * 0.01)]) == pytest.approx(1.0, abs=1e-5)
    assert likeness([_score(one)], [_score(other)]) < 0.5


def test_maps_of_a_shuffled_net_are_others_and_of_a_rerun_the_same(
    small: GridConfig, make_net: Callable[[GridConfig], GridNet]
) -> None:
    card = Card.model_validate(CARD | {"architecture": vars(small)})
    bundle = Bundle(card, make_net(small), "cpu", Path())
    before = {name: value.clone() for name, value in bundle.net.state_dict().items()}
    rng = np.random.default_rng(1)
    films = [Radiograph(rng.random((96, 96), dtype=np.float32)) for _ in range(4)]
    found = faithfulness(bundle, films, 0)
    assert found == faithfulness(bundle, films, 0)
    assert found.rerun == 0.0
    assert found.randomised < 0.9 < found.darkened
    assert all(value.equal(before[name]) for name, value in bundle.net.state_dict().items())
