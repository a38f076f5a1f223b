"""Fixtures of the models' tests: small nets and data sets."""

from collections.abc import Callable, Iterator

import pytest
import torch
from pydicom import Dataset

from models.nets.grid import GridConfig, GridNet
from tests.support.films import make_image
from tests.support.narrow_resnet import narrow_resnets


@pytest.fixture(autouse=True)
def seed_torch() -> None:
    """Give every net of a test the same weights in every run."""
    torch.manual_seed(0)


@pytest.fixture
def small() -> GridConfig:
    """Return the configuration of a small net with all parts."""
    return GridConfig(size=96, grid=3, dim=32, depth=1, heads=2, dropout=0.0)


@pytest.fixture
def make_net() -> Callable[[GridConfig], GridNet]:
    """Return a function that builds a net; every call gives the same weights."""

    def make(config: GridConfig) -> GridNet:
        torch.manual_seed(3)
        return GridNet(config).eval()

    return make


@pytest.fixture
def make_ds() -> Callable[..., Dataset]:
    """Return a function that builds a CR data set from an array and attributes."""

    return make_image


@pytest.fixture(scope="module")
def narrow_resnet() -> Iterator[None]:
    """Give every net in a module few channels; the shipped weights do not fit such a net."""
    with narrow_resnets():
        yield
