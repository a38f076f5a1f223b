"""Rules for groups of films: which group a film is of, and what then holds in place of the default.

Films are told apart by sex, age, the AE title that sent them and the station that took them.
"""

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Protocol, Self

from node.domain.decision.prediction import ScoreKind

DEFAULT = "default"
_DIGITS = 12  # as far as processors agree: results are named by what they say


class FilmFacts(Protocol):
    """What policy asks of a film; a `Film` has it, and so has a stored score."""

    @property
    def sex(self) -> str:
        """M, F or O; empty if unknown."""

    @property
    def age_years(self) -> float | None:
        """Years at the time of the film."""

    @property
    def calling_ae(self) -> str:
        """The AE title that sent it."""

    @property
    def station(self) -> str:
        """The Station Name of the modality that took it."""

    @property
    def taken(self) -> date | None:
        """The day on which it was taken."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The threshold of each score that may decide: they are calibrated apart.

    A bundle names no operating points of the clinical score: None, unless a number was set.
    """

    image: float
    combined: float
    clinical: float | None = None

    @classmethod
    def same(cls, number: float) -> Self:
        """Return one number for whichever score is used."""
        return cls(image=number, combined=number, clinical=number)

    def of(self, used: ScoreKind) -> float:
        """Return the threshold of a score; raise ValueError for one that has none."""
        found = {
            ScoreKind.IMAGE: self.image,
            ScoreKind.COMBINED: self.combined,
            ScoreKind.CLINICAL: self.clinical,
        }
        threshold = found[used]
        if threshold is None:
            raise ValueError(f"there is no threshold of the {used} score")
        return threshold


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for a film: thresholds, and how close to them a score leaves the finding open.

    `abstain` is half the width of that band in log odds. A net's noise is about the same anywhere
    on that scale, so that one width fits every threshold, and no band reaches beyond 0 or 1.
    """

    thresholds: Thresholds
    abstain: float = 0.0
    name: str = DEFAULT

    def band(self, used: ScoreKind) -> tuple[float, float] | None:
        """Return the scores, from the first up to and without the second, that decide nothing."""
        if not self.abstain:
            return None
        threshold = self.thresholds.of(used)
        return _shifted(threshold, -self.abstain), _shifted(threshold, self.abstain)


@dataclass(frozen=True, slots=True)
class Group:
    """The films that meet every condition stated; ages in years, inclusive."""

    sex: str | None = None
    min_age: float | None = None
    max_age: float | None = None
    calling_ae: str | None = None
    station: str | None = None

    def has(self, film: FilmFacts) -> bool:
        """Return whether the film meets every condition; an unknown age meets no age limit."""
        if self.sex is not None and film.sex != self.sex:
            return False
        if self.calling_ae is not None and film.calling_ae != self.calling_ae:
            return False
        if self.station is not None and film.station != self.station:
            return False
        if self.min_age is None and self.max_age is None:
            return True
        if film.age_years is None:
            return False
        oldest = math.inf if self.max_age is None else self.max_age
        return (self.min_age or 0.0) <= film.age_years <= oldest


@dataclass(frozen=True, slots=True)
class Override:
    """A rule for a group of films, in place of the default."""

    rule: Rule
    group: Group = Group()


@lru_cache
def _shifted(probability: float, by: float) -> float:
    """Return a probability moved on the scale of log odds; 0 and 1 stay where they are."""
    if not 0.0 < probability < 1.0:
        return probability
    odds = probability / (1.0 - probability) * math.exp(by)
    return round(odds / (1.0 + odds), _DIGITS)
