"""A decoded film, together with the facts of its header."""

from dataclasses import dataclass

from models.images.radiograph import Radiograph
from node.domain.radiograph.film import Film


@dataclass(frozen=True, slots=True)
class Case:
    """A film to be scored: the facts of its header, and its decoded image."""

    film: Film
    radiograph: Radiograph
