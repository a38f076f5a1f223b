"""Metrics of the image model in subgroups of the test films: sex, age, BMI, site and view."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.calibration.auc import Flags, IntervalEstimate, Values, auc_with_interval
from models.dataset.entry import Entry, Sex
from models.evaluation.threshold_metrics import wilson

MINIMUM_PER_CLASS = 50
"""Minimum number of films of each class; a smaller subgroup gets no metrics."""

_BMI_CLASSES = ("under 18.5", "18.5 to 25", "25 to 30", "30 and over")


@dataclass(frozen=True)
class Subgroup:
    """One subgroup; its metrics are None if a class has fewer than ``MINIMUM_PER_CLASS`` films.

    Sensitivity and specificity apply to the image model's threshold; None means no threshold.
    """

    dimension: str
    level: str
    films: int
    positives: int
    auc: IntervalEstimate | None = None
    sensitivity: IntervalEstimate | None = None
    specificity: IntervalEstimate | None = None

    @property
    def sufficient(self) -> bool:
        """Whether both classes are large enough for metrics."""
        return min(self.positives, self.films - self.positives) >= MINIMUM_PER_CLASS


def measure_subgroups(
    entries: Sequence[Entry], scores: Values, threshold: float | None
) -> list[Subgroup]:
    """Return the subgroups that the manifest's columns define, sorted by level."""
    positive = np.array([entry.label for entry in entries])
    subgroups = []
    for dimension, level_of in DIMENSIONS.items():
        levels = np.array([level_of(entry) or "" for entry in entries])
        for level in sorted({str(name) for name in levels} - {""}, key=_sort_key):
            inside = levels == level
            subgroups.append(
                _measure(dimension, level, scores[inside], positive[inside], threshold)
            )
    return subgroups


def _measure(
    dimension: str, level: str, scores: Values, positive: Flags, threshold: float | None
) -> Subgroup:
    counts = Subgroup(dimension, level, len(scores), int(positive.sum()))
    if not counts.sufficient:
        return counts
    predicted = scores >= (math.nan if threshold is None else threshold)
    true_pos, true_neg = int((predicted & positive).sum()), int((~predicted & ~positive).sum())
    return Subgroup(
        dimension,
        level,
        counts.films,
        counts.positives,
        auc_with_interval(scores, positive),
        None if threshold is None else wilson(true_pos, counts.positives),
        None if threshold is None else wilson(true_neg, counts.films - counts.positives),
    )


def _sex(entry: Entry) -> str | None:
    return None if entry.sex is None else {Sex.FEMALE: "women", Sex.MALE: "men"}[entry.sex]


def _decade(entry: Entry) -> str | None:
    if entry.age is None:
        return None
    first = int(entry.age // 10) * 10
    return f"{first}-{first + 9}"


def _sort_key(level: str) -> tuple[int, str]:
    """Sort BMI classes by weight, other levels by name."""
    return (_BMI_CLASSES.index(level) if level in _BMI_CLASSES else 0, level)


def _bmi(entry: Entry) -> str | None:
    """Return the BMI class of the World Health Organization, in kg/m2."""
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
