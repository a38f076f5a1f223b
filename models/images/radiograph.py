"""A decoded film, and the rectangle of it that a net analyses. Shared with ``node.domain``."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One film as displayed.

    ``pixels`` is float32 (rows, columns) in 0..1, bone bright. ``aspect`` is row spacing over
    column spacing, 1 if the header does not state it.
    """

    pixels: npt.NDArray[np.float32]
    aspect: float = 1.0


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """A rectangle in film pixels: rows down and columns right, from the film's top left corner.

    A net's input is padded to a square, so ``top`` and ``left`` may be negative and the rectangle
    may be larger than the film.
    """

    top: float
    left: float
    height: float
    width: float


@dataclass(frozen=True, slots=True)
class Heat:
    """Grad-CAM of one film: ``values`` is float32 (h, w), 0 and up, on one scale for the film.

    The grid of ``values`` covers ``field_of_view``, padding included.
    """

    values: npt.NDArray[np.float32]
    field_of_view: FieldOfView
