"""Does the model serve everybody alike? The same figures for parts of the test films."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.dataset.entry import Entry, Sex
from models.evaluation.decisions import wilson
from models.evaluation.discrimination import Flags, Interval, Values, auc

ENOUGH = 50
"""Films of each class under which a subgroup's figures would be noise."""


_BMI_CLASSES = ("under 18.5", "18.5 to 25", "25 to 30", "30 and over")


@dataclass(frozen=True)
class Subgroup:
    """One part of the test films; figures are None where a class has fewer than ``ENOUGH``.

    Sensitivity and specificity are those of the model's frozen threshold, None without one.
    """

    dimension: str
    level: str
    films: int
    positives: int
    auc: Interval | None = None
    sensitivity: Interval | None = None
    specificity: Interval | None = None

    @property
    def sufficient(self) -> bool:
        """Whether both classes are large enough for figures."""
        return min(self.positives, self.films - self.positives) >= ENOUGH


def subgroups(entries: Sequence[Entry], scores: Values, threshold: float | None) -> list[Subgroup]:
    """Every level of every dimension of which the manifest says something, levels sorted."""
    positive = np.array([entry.label for entry in entries])
    found = []
    for dimension, level_of in DIMENSIONS.items():
        levels = np.array([level_of(entry) or "" for entry in entries])
        for level in sorted({str(one) for one in levels} - {""}, key=_rank):
            inside = levels == level
            found.append(_measure(dimension, level, scores[inside], positive[inside], threshold))
    return found


def _measure(
    dimension: str, level: str, scores: Values, positive: Flags, threshold: float | None
) -> Subgroup:
    plain = Subgroup(dimension, level, len(scores), int(positive.sum()))
    if not plain.sufficient:
        return plain
    called = scores >= (math.nan if threshold is None else threshold)
    hits, spared = int((called & positive).sum()), int((~called & ~positive).sum())
    return Subgroup(
        dimension,
        level,
        plain.films,
        plain.positives,
        auc(scores, positive),
        None if threshold is None else wilson(hits, plain.positives),
        None if threshold is None else wilson(spared, plain.films - plain.positives),
    )


def _sex(entry: Entry) -> str | None:
    return None if entry.sex is None else {Sex.FEMALE: "women", Sex.MALE: "men"}[entry.sex]


def _decade(entry: Entry) -> str | None:
    if entry.age is None:
        return None
    first = int(entry.age // 10) * 10
    return f"{first}-{first + 9}"


def _rank(level: str) -> tuple[int, str]:
    """BMI classes by weight, everything else by name."""
    return (_BMI_CLASSES.index(level) if level in _BMI_CLASSES else 0, level)


def _bmi(entry: Entry) -> str | None:
    """Classes of the World Health Organization, kg/m2."""
    if entry.bmi is None:
        return None
    return _BMI_CLASSES[int(np.searchsorted((18.5, 25.0, 30.0), entry.bmi, side="right"))]


DIMENSIONS: Mapping[str, Callable[[Entry], str | None]] = {
    "sex": _sex,
    "age, years": _decade,
    "BMI, kg/m²": _bmi,
    "site": lambda entry: entry.site,
    "view": lambda entry: entry.view,
}
