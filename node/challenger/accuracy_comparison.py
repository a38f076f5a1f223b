"""Comparison of two bundles' accuracy against bone densitometry on the same patients."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from node.challenger.agreement import PairedCounts, count_pairs
from node.domain.decision.prediction import Decision, Finding
from node.replay.accuracy import Accuracy, ComparedFinding, accuracy
from node.replay.densitometry import Scan, nearest_pairs


class PatientFilm(NamedTuple):
    """One film of a patient, with the decision on the scores of each bundle."""

    day: date
    serving: Decision
    challenger: Decision


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated value with its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairedAreas:
    """Areas under the ROC curve: serving, challenger, their difference, and p of DeLong's test."""

    serving: Estimate
    challenger: Estimate
    difference: Estimate
    p: float


CompareAucs = Callable[[npt.NDArray[np.float64], npt.NDArray[np.bool_]], PairedAreas | None]
"""Returns the areas of both bundles for scores (2, n), serving first, and osteoporosis (n,).

The result is None if too few patients have osteoporosis, or too few patients have none.
"""


@dataclass(frozen=True, slots=True)
class AccuracyComparison:
    """The accuracy of both bundles on the same patients, each patient counted once.

    `with_osteoporosis` counts correct decisions for the paired sensitivity, and
    `without_osteoporosis` counts correct decisions for the paired specificity.
    """

    serving: Accuracy
    challenger: Accuracy
    with_osteoporosis: PairedCounts
    without_osteoporosis: PairedCounts
    areas: PairedAreas | None


def compare_accuracy(
    films: Mapping[str, Sequence[PatientFilm]],
    scans: Mapping[str, Sequence[Scan]],
    within: timedelta,
    compare_aucs: CompareAucs,
) -> AccuracyComparison:
    """Compare both bundles with densitometry at most `within` before or after the film."""
    pairs = list(nearest_pairs(films, scans, within))
    return AccuracyComparison(
        serving=accuracy(_compared(film.serving, scan) for film, scan in pairs),
        challenger=accuracy(_compared(film.challenger, scan) for film, scan in pairs),
        with_osteoporosis=_correct_counts(pairs, osteoporosis=True),
        without_osteoporosis=_correct_counts(pairs, osteoporosis=False),
        areas=_areas(pairs, compare_aucs),
    )


def _correct_counts(
    pairs: Sequence[tuple[PatientFilm, Scan]], *, osteoporosis: bool
) -> PairedCounts:
    """Count each bundle's correct decisions on one group: osteoporosis or no osteoporosis."""
    return count_pairs(
        [
            (
                (film.serving.finding is Finding.PRESENT) is osteoporosis,
                (film.challenger.finding is Finding.PRESENT) is osteoporosis,
            )
            for film, scan in pairs
            if scan.osteoporosis is osteoporosis
        ]
    )


def _compared(decision: Decision, scan: Scan) -> ComparedFinding:
    undetermined = decision.finding is Finding.UNDETERMINED
    suspected = None if undetermined else decision.finding is Finding.PRESENT
    return ComparedFinding(suspected, decision.threshold, scan.osteoporosis)


def _areas(
    pairs: Sequence[tuple[PatientFilm, Scan]], compare_aucs: CompareAucs
) -> PairedAreas | None:
    """Compare the areas under the ROC curve on films that both bundles have scored."""
    scored = [
        (film.serving.score, film.challenger.score, scan.osteoporosis)
        for film, scan in pairs
        if film.serving.score is not None and film.challenger.score is not None
    ]
    scores = np.array([scores for *scores, _ in scored], np.float64).reshape(-1, 2).T
    osteoporosis = np.array([osteoporosis for *_, osteoporosis in scored], np.bool_)
    return compare_aucs(scores, osteoporosis)
