"""The trainer: a step learns from twins, a seed decides the weights, a stop costs nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.data import TRAIN, Maps, twin_batch
from models.grid import GridConfig, GridNet, Output
from models.train import TrainConfig, fit, loss

CONFIG = GridConfig(size=192, dim=32, depth=1, heads=2)
RUN = TrainConfig(minutes=60, steps=2, pairs=1)


@pytest.fixture
def maps() -> Maps:
    """Return the same small phantom for every variant."""
    rng = np.random.default_rng(0)
    phantom = np.abs(rng.normal((14, 0.2, 0.1, 0.1), 0.05, (96, 96, 4))).transpose(2, 0, 1)
    return dict.fromkeys(TRAIN.variants, phantom.astype(np.float16))


def _net() -> GridNet:
    torch.manual_seed(0)
    return GridNet(CONFIG)


def test_twins_lie_side_by_side_and_differ_in_density(maps: Maps) -> None:
    batch = twin_batch(maps, TRAIN, 3, 2, 192)
    assert batch.film.shape == (4, 1, 192, 192)
    assert batch.mineral.shape == (4, 36)
    first, second = batch.t_score[0::2], batch.t_score[1::2]
    assert (abs(first - second) * 1.4 >= 0.5 - 1e-6).all()
    more = batch.mineral[0::2].mean(dim=1) > batch.mineral[1::2].mean(dim=1)
    assert torch.equal(more, first > second)


def test_the_loss_is_least_where_the_answer_is_right(maps: Maps) -> None:
    batch = twin_batch(maps, TRAIN, 3, 2, 192)
    attention = torch.ones(4, 37) / 37
    right = Output((batch.label * 2 - 1) * 9, batch.t_score, batch.mineral, attention)
    assert loss(right, batch) < 0.5
    turned = replace(right, logit=-right.logit)
    flat = replace(right, t_score=torch.zeros(4))
    shifted = replace(right, mineral=batch.mineral + torch.tensor([[1.0], [0], [0], [0]]))
    for wrong in (turned, flat, shifted):
        assert loss(wrong, batch) > loss(right, batch)


def test_the_same_seed_gives_the_same_weights(maps: Maps, tmp_path: Path) -> None:
    runs = []
    for name in ("one", "two"):
        torch.manual_seed(0)
        average, done = fit(_net(), maps, RUN, tmp_path / name)
        assert (done.step, done.films) == (2, 4)
        runs.append(average.out.weight.detach())
    # The schedule follows steps here; the clock moves it by a hair at most.
    assert torch.allclose(runs[0], runs[1], atol=1e-6)


def test_a_stopped_run_goes_on_where_it_was(maps: Maps, tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.pt"
    fit(_net(), maps, RUN, checkpoint)
    average, done = fit(_net(), maps, replace(RUN, steps=3), checkpoint)
    assert done.step == 3
    again, same = fit(_net(), maps, replace(RUN, steps=3), checkpoint)
    assert same.step == 3
    assert torch.equal(again.out.weight, average.out.weight)
