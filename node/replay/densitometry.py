"""Densitometry results, and the selection of the film to compare with each result."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple, Protocol, TypeVar

from models.bundle.intended_use import IntendedUse
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import Finding
from node.replay.accuracy import Accuracy, ComparedFinding, accuracy
from node.replay.replay import Replay, ReplayedFinding

OSTEOPOROSIS = -2.5
"""T-scores at or below this value are osteoporosis (WHO Technical Report 843, 1994)."""


class Dated(Protocol):
    """A film with the day of its exposure."""

    @property
    def day(self) -> date:
        """The day of the exposure."""


Film = TypeVar("Film", bound=Dated)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A patient's T-score of one site on one day; `patient` is a pseudonym."""

    patient: str
    day: date
    site: str
    t_score: float


class Scan(NamedTuple):
    """A patient's densitometry on a day; `t_score` is the lowest of all sites."""

    day: date
    t_score: float

    @property
    def osteoporosis(self) -> bool:
        """Whether the lowest T-score indicates osteoporosis."""
        return self.t_score <= OSTEOPOROSIS


@dataclass(frozen=True, slots=True)
class DensitometryAgreement:
    """The accuracy of the stored findings, and of the findings by a new policy."""

    before: Accuracy
    after: Accuracy


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A replay, its policy, and the digest and intended use of the bundle that created the scores.

    `other_films` counts the films of other bundles. `agreement` is None without densitometry.
    """

    replay: Replay
    policy: DecisionPolicy
    model: str
    intended_use: IntendedUse
    other_films: int
    agreement: DensitometryAgreement | None


def scans_by_patient(measurements: Iterable[Measurement]) -> dict[str, list[Scan]]:
    """Return the scans of each patient, sorted by day."""
    lowest: dict[tuple[str, date], float] = {}
    for measurement in measurements:
        key, t_score = (measurement.patient, measurement.day), measurement.t_score
        lowest[key] = min(t_score, lowest.get(key, t_score))
    scans: dict[str, list[Scan]] = {}
    for (patient, day), t_score in sorted(lowest.items()):
        scans.setdefault(patient, []).append(Scan(day, t_score))
    return scans


def agreement(
    findings: Mapping[str, Sequence[ReplayedFinding]],
    scans: Mapping[str, Sequence[Scan]],
    within: timedelta,
) -> DensitometryAgreement:
    """Return the accuracy by stored and new findings, with one film and one scan per patient."""
    pairs = list(nearest_pairs(findings, scans, within))
    return DensitometryAgreement(
        before=accuracy(_compared(film.finding, film.threshold, scan) for film, scan in pairs),
        after=accuracy(
            _compared(film.new_finding, film.new_threshold, scan) for film, scan in pairs
        ),
    )


def nearest_pairs(
    films: Mapping[str, Sequence[Film]], scans: Mapping[str, Sequence[Scan]], within: timedelta
) -> Iterator[tuple[Film, Scan]]:
    """Yield, for each patient, the film and the scan that are nearest to each other in time.

    A pair that is more than `within` apart is omitted. If several pairs are equally near, the
    earlier film is selected, and then the earlier scan.
    """
    for patient in sorted(films.keys() & scans.keys()):
        film, scan = min(
            ((film, scan) for film in films[patient] for scan in scans[patient]),
            key=lambda pair: (abs(pair[0].day - pair[1].day), pair[0].day, pair[1].day),
        )
        if abs(film.day - scan.day) <= within:
            yield film, scan


def _compared(finding: str, threshold: float, scan: Scan) -> ComparedFinding:
    suspected = None if finding == Finding.UNDETERMINED else finding == Finding.PRESENT
    return ComparedFinding(suspected, threshold, scan.osteoporosis)
