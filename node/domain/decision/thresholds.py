"""Thresholds, and rules for groups of films by sex, age, calling AE title and station."""

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Protocol, Self

from node.domain.decision.prediction import ScoreKind

DEFAULT = "default"
_DIGITS = 12  # processors agree on this many digits; result UIDs depend on them


class FilmFacts(Protocol):
    """The attributes of a film that a policy uses; `Film` and `StoredScore` have them."""

    @property
    def sex(self) -> str:
        """The patient's sex, M, F or O, or empty if unknown."""

    @property
    def age_years(self) -> float | None:
        """The patient's age in years at the time of the film, or None."""

    @property
    def calling_ae(self) -> str:
        """The calling AE title of the film's sender."""

    @property
    def station(self) -> str:
        """Station Name."""

    @property
    def exposure_date(self) -> date | None:
        """The exposure date of the film, or None."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The threshold of each kind of score; `clinical` is None if the setting is not a number."""

    image: float
    combined: float
    clinical: float | None = None

    @classmethod
    def uniform(cls, number: float) -> Self:
        """Return the same threshold for all kinds of score."""
        return cls(image=number, combined=number, clinical=number)

    def of(self, kind: ScoreKind) -> float:
        """Return the threshold of a kind of score, or raise ValueError."""
        threshold: float | None = getattr(self, kind)
        if threshold is None:
            raise ValueError(f"the {kind} score has no threshold")
        return threshold


@dataclass(frozen=True, slots=True)
class Rule:
    """Thresholds and indeterminate band for a group of films.

    `abstain` is the half-width of the indeterminate band in log odds. A model's noise is about
    constant in log odds, so that one width fits every threshold.
    """

    thresholds: Thresholds
    abstain: float = 0.0
    name: str = DEFAULT

    def band(self, kind: ScoreKind) -> tuple[float, float] | None:
        """Return the indeterminate band [low, high) of a kind of score, or None."""
        if not self.abstain:
            return None
        threshold = self.thresholds.of(kind)
        return _shifted(threshold, -self.abstain), _shifted(threshold, self.abstain)


@dataclass(frozen=True, slots=True)
class Group:
    """The conditions of a group of films; age limits are in years and inclusive."""

    sex: str | None = None
    min_age: float | None = None
    max_age: float | None = None
    calling_ae: str | None = None
    station: str | None = None

    def contains(self, film: FilmFacts) -> bool:
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
    """A rule that replaces the default rule for a group of films."""

    rule: Rule
    group: Group = Group()


@lru_cache
def _shifted(probability: float, by: float) -> float:
    """Return a probability shifted in log odds; 0 and 1 do not change."""
    if not 0.0 < probability < 1.0:
        return probability
    odds = probability / (1.0 - probability) * math.exp(by)
    return round(odds / (1.0 + odds), _DIGITS)
