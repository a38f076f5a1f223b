"""One row of a manifest: a film, its patient and its labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from models.dataset.checks import first_of


class ManifestError(ValueError):
    """The manifest cannot be used; one line says what is wrong and where."""


class Split(StrEnum):
    """What a film is used for. A test film of a hospital that also trained is internal."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Sex(StrEnum):
    """The patient's sex, as Patient's Sex (0010,0040) writes it."""

    FEMALE = "F"
    MALE = "M"


class FilmOrigin(StrEnum):
    """Where films come from: people, or a simulation."""

    PATIENT = "patient"
    SIMULATED = "simulated"


@dataclass(frozen=True)
class Entry:
    """One film. ``label`` is true for osteoporosis; None stands for what is not known.

    ``t_score`` in standard deviations, ``age`` in years. ``view`` is PA, AP or another View
    Position. ``mask`` is a picture as large as the film, bright where bone is. ``row`` is the line
    of the CSV, the header being line 1.
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
        """The films beside which it is fitted to or measured; they must have both classes."""
        tested = self.split is Split.TEST
        return f"test films of site {self.site}" if tested else f"split {self.split}"

    @property
    def bmi(self) -> float | None:
        """Body mass index in kg/m2, where weight and height are known."""
        if self.weight_kg is None or self.height_cm is None:
            return None
        return self.weight_kg / (self.height_cm / 100) ** 2


def refuse(problem: str, where: Iterable[object]) -> ManifestError:
    """One line: the problem, then the first rows or patients it concerns."""
    return ManifestError(f"{problem}: {first_of(where)}")
