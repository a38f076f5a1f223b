"""A decoded radiograph, and the film facts that are scored with it."""

from dataclasses import dataclass

from models.images.radiograph import Radiograph
from node.domain.radiograph.film import Film


@dataclass(frozen=True, slots=True)
class Case:
    """A film to be scored: the facts of its header, and what it shows."""

    film: Film
    shown: Radiograph
