"""One row of a manifest: a film, its patient and its labels."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from models.io.errors import InputError

_NAMED = 8
"""Maximum number of rows or patients that an error lists."""


class ManifestError(InputError):
    """The manifest cannot be used. The message lists problem, rows and patients in one line."""


class Split(StrEnum):
    """Use of a film: training, validation or test."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Sex(StrEnum):
    """Values of Patient's Sex (0010,0040)."""

    FEMALE = "F"
    MALE = "M"


class FilmOrigin(StrEnum):
    """Origin of films: patients or simulation."""

    PATIENT = "patient"
    SIMULATED = "simulated"


@dataclass(frozen=True)
class Entry:
    """One film. ``label`` is true for osteoporosis. Unknown values are None.

    ``t_score`` is in standard deviations, ``age`` in years. ``view`` is a View Position. ``mask``
    is an image of the film's size that is bright in bone. ``row`` is the line number in the CSV
    file; the header has line number 1.
    """

    path: Path
    patient_id: str
    site: str
    split: Split
    label: bool
    t_score: float | None = None
    age: float | None = None
    sex: Sex | None = None
    weight_kg: float | None = None
    height_cm: float | None = None
    view: str | None = None
    mask: Path | None = None
    origin: FilmOrigin | None = None
    row: int = 0

    @property
    def part(self) -> str:
        """The film's split, or the site of a test film; each of these parts needs both classes."""
        tested = self.split is Split.TEST
        return f"test films of site {self.site}" if tested else f"split {self.split}"

    @property
    def bmi(self) -> float | None:
        """Body mass index in kg/m2, or None."""
        if self.weight_kg is None or self.height_cm is None:
            return None
        return self.weight_kg / (self.height_cm / 100) ** 2


def manifest_error(problem: str, places: Iterable[object]) -> ManifestError:
    """Return an error with the problem and its first rows or patients."""
    return ManifestError(f"{problem}: {first_few(places)}")


def first_few(items: Iterable[object]) -> str:
    """Return the first few items as text, and the number of further ones."""
    names = [str(item) for item in items]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
