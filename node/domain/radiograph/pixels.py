"""A decoded radiograph, and the film facts that are scored with it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from node.domain.radiograph.film import Film

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Radiograph:
    """A decoded film: `pixels` is (rows, columns), 0 to 1 as displayed, bone bright.

    `aspect` is the row spacing over the column spacing, 1 where the header does not say.
    """

    pixels: Array
    aspect: float = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """A film to be scored: the facts of its header, and what it shows."""

    film: Film
    shown: Radiograph
