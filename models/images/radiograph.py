"""A decoded film, and the rectangle that a net analyses. ``node.domain`` also uses this module."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One film with its display values.

    ``pixels`` is float32 (rows, columns) in 0..1 with bright bone. ``aspect`` is row spacing
    divided by column spacing, or 1 if the header does not state the spacing.
    """

    pixels: npt.NDArray[np.float32]
    aspect: float = 1.0


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """A rectangle in film pixels. The origin is the film's top left corner.

    A net's input is padded to a square, so ``top`` and ``left`` may be negative and the rectangle
    may be larger than the film.
    """

    top: float
    left: float
    height: float
    width: float


@dataclass(frozen=True, slots=True)
class Heat:
    """Grad-CAM of one film; ``values`` is float32 (h, w) and not negative.

    The grid of ``values`` covers ``field_of_view``, including padding.
    """

    values: npt.NDArray[np.float32]
    field_of_view: FieldOfView
