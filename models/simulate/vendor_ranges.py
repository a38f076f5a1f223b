"""Ranges of exposure and processing parameters of a vendor's equipment."""

from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]


@dataclass(frozen=True)
class Vendor:
    """Ranges of random parameters, which ``Exposure`` and ``Processing`` describe.

    ``gamma`` is the mean and standard deviation of the logarithm of the tone curve's exponent.
    ``bits`` are stored bit depths, ``monochrome1`` is the share of MONOCHROME1 films, ``aspects``
    are film shapes (width over height). ``collimated`` is the probability of a visible collimator
    edge on each side, ``marker`` is the probability of a lead marker.
    """

    name: str
    hardness: Range
    scatter: Range
    log_quanta: Range
    blur: Range
    grid: Range
    latitude: Range
    detail: Range
    equal: Range
    gamma: Range
    low: Range
    high: Range
    toe: Range
    bits: tuple[int, ...]
    monochrome1: float
    aspects: tuple[float, ...]
    collimated: float
    marker: float


MIXED = Vendor(
    name="any",
    hardness=(0.0, 1.0),
    scatter=(0.08, 0.45),
    log_quanta=(8.3, 11.0),
    blur=(0.2, 0.6),
    grid=(0.001, 0.006),
    latitude=(0.15, 0.75),
    detail=(0.0, 1.4),
    equal=(0.0, 0.45),
    gamma=(-0.06, 0.22),
    low=(-0.42, 0.04),
    high=(1.02, 1.45),
    toe=(0.0, 1.0),
    bits=(8, 10, 12),
    monochrome1=0.4,
    aspects=(0.82, 1.0, 1.0, 1.22),
    collimated=0.15,
    marker=0.85,
)


def draw(rng: np.random.Generator, limits: Range) -> float:
    """Return a random number that is uniform in ``limits``."""
    return float(rng.uniform(*limits))
