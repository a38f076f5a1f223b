"""Two bundles beside bone densitometry: which of them finds more, and is that more than chance?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from node.challenger.agreement import Crossed, cross
from node.domain.decision.prediction import Decision, Finding
from node.replay.accuracy import Accuracy, ComparedFinding, accuracy
from node.replay.densitometry import Scan, nearest_pairs


class PatientFilm(NamedTuple):
    """What both bundles say of one film of a patient."""

    taken: date
    serving: Decision
    challenger: Decision


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Areas:
    """Areas under the ROC curve of both scores.

    `difference` is challenger minus serving; `p` is DeLong's test of no difference.
    """

    serving: Estimate
    challenger: Estimate
    difference: Estimate
    p: float


MeasureAreas = Callable[[npt.NDArray[np.float64], npt.NDArray[np.bool_]], Areas | None]
"""From scores (2, n), the serving bundle's first, and who has osteoporosis (n,), to their areas;
None where there are too few of either.
"""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Both bundles' findings beside densitometry, on the same patients, each counted once.

    `found` crosses who is flagged among those with osteoporosis, and so is paired sensitivity;
    `spared` who is not among those without, and so is paired specificity.
    """

    serving: Accuracy
    challenger: Accuracy
    found: Crossed
    spared: Crossed
    areas: Areas | None


def diagnose(
    films: Mapping[str, Sequence[PatientFilm]],
    of: Mapping[str, Sequence[Scan]],
    within: timedelta,
    measure: MeasureAreas,
) -> Diagnosis:
    """Compare both bundles with densitometry that lies no further from the film than `within`."""
    pairs = list(nearest_pairs(films, of, within))
    return Diagnosis(
        serving=accuracy(_judged(film.serving, scan) for film, scan in pairs),
        challenger=accuracy(_judged(film.challenger, scan) for film, scan in pairs),
        found=_right(pairs, osteoporosis=True),
        spared=_right(pairs, osteoporosis=False),
        areas=_areas(pairs, measure),
    )


def _right(pairs: Sequence[tuple[PatientFilm, Scan]], *, osteoporosis: bool) -> Crossed:
    """Cross who is right of those with osteoporosis, or of those without."""
    said = [
        (film.serving.finding is Finding.PRESENT, film.challenger.finding is Finding.PRESENT)
        for film, scan in pairs
        if scan.osteoporosis is osteoporosis
    ]
    return cross([(one is osteoporosis, other is osteoporosis) for one, other in said])


def _judged(decision: Decision, scan: Scan) -> ComparedFinding:
    open_ = decision.finding is Finding.UNDETERMINED
    suspected = None if open_ else decision.finding is Finding.PRESENT
    return ComparedFinding(suspected, decision.threshold, scan.osteoporosis)


def _areas(pairs: Sequence[tuple[PatientFilm, Scan]], measure: MeasureAreas) -> Areas | None:
    """Measure on the patients whose films both bundles have scored."""
    scored = [
        (film.serving.score, film.challenger.score, scan.osteoporosis)
        for film, scan in pairs
        if film.serving.score is not None and film.challenger.score is not None
    ]
    scores = np.array([one[:2] for one in scored], np.float64).reshape(-1, 2).T
    return measure(scores, np.array([one[2] for one in scored], np.bool_))
