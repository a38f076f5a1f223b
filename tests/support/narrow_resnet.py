"""A ResNet with few channels, for tests that train a net."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from models.nets import grid, resnet

WIDTHS = (8, 8, 16, 32)


@contextmanager
def narrow_resnets() -> Iterator[None]:
    """Build every grid net with few channels, so that training takes little time."""
    with patch.object(resnet, "WIDTHS", WIDTHS), patch.object(grid, "CHANNELS", WIDTHS[-1]):
        yield
