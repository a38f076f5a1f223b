"""Fixtures of the models' tests: small nets and data sets."""

from collections.abc import Callable

import pytest
import torch
from pydicom import Dataset

from models.nets.grid import GridConfig, GridNet
from tests.support.films import make_image


@pytest.fixture
def small() -> GridConfig:
    """Return a small config with all parts of the net."""
    return GridConfig(size=96, grid=3, dim=32, depth=1, heads=2, dropout=0.0)


@pytest.fixture
def make_net() -> Callable[[GridConfig], GridNet]:
    """Return a maker of nets that are the same on every call."""

    def make(config: GridConfig) -> GridNet:
        torch.manual_seed(3)
        return GridNet(config).eval()

    return make


@pytest.fixture
def make_ds() -> Callable[..., Dataset]:
    """Return a maker of CR data sets around an array; keywords set or replace attributes."""

    return make_image
