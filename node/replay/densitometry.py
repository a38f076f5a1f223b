"""What densitometry found, and which film of a patient it is compared with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple, Protocol, TypeVar

from models.bundle.intended_use import IntendedUse
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import Finding
from node.replay.accuracy import Accuracy, Judged, accuracy
from node.replay.replay import Point, Replay

OSTEOPOROSIS = -2.5
"""The T-score from which down it is osteoporosis, at any site (WHO Technical Report 843, 1994)."""


class Dated(Protocol):
    """What has a day on which it was taken."""

    @property
    def taken(self) -> date:
        """That day."""


Film = TypeVar("Film", bound=Dated)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One T-score of a patient, known by pseudonym: of a site, on a day."""

    patient: str
    taken: date
    site: str
    t_score: float


class Scan(NamedTuple):
    """One day's densitometry of a patient: the lowest T-score of all sites counts."""

    taken: date
    t_score: float

    @property
    def osteoporosis(self) -> bool:
        """Whether it is osteoporosis by the lowest site."""
        return self.t_score <= OSTEOPOROSIS


@dataclass(frozen=True, slots=True)
class Agreement:
    """Findings beside densitometry: as they were, and by the rules that are tried."""

    before: Accuracy
    after: Accuracy


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay with all that is said of it: by which policy, on which bundle's scores, meant for
    what.

    `others` are films that another bundle has scored; `agreement` is None without outcomes.
    """

    replay: Replay
    policy: DecisionPolicy
    model: str
    intended_use: IntendedUse
    others: int
    agreement: Agreement | None


def scans(measurements: Iterable[Measurement]) -> dict[str, list[Scan]]:
    """Return each patient's scans."""
    lowest: dict[tuple[str, date], float] = {}
    for one in measurements:
        key = (one.patient, one.taken)
        lowest[key] = min(one.t_score, lowest.get(key, one.t_score))
    found: dict[str, list[Scan]] = {}
    for (patient, taken), t_score in sorted(lowest.items()):
        found.setdefault(patient, []).append(Scan(taken, t_score))
    return found


def agreement(
    points: Mapping[str, Sequence[Point]], of: Mapping[str, Sequence[Scan]], within: timedelta
) -> Agreement:
    """Return how findings agree with densitometry, each patient counted once."""
    pairs = list(nearest(points, of, within))
    return Agreement(
        before=accuracy(_judged(point.finding, point.threshold, scan) for point, scan in pairs),
        after=accuracy(
            _judged(point.new_finding, point.new_threshold, scan) for point, scan in pairs
        ),
    )


def nearest(
    films: Mapping[str, Sequence[Film]], of: Mapping[str, Sequence[Scan]], within: timedelta
) -> Iterator[tuple[Film, Scan]]:
    """Yield one film and one scan of each patient who has both.

    Of all pairs the one nearest in time counts, no further apart than `within`; of two as near,
    the earlier film, then the earlier scan. A patient with many films would weigh more than one
    with a single film otherwise.
    """
    for patient in sorted(films.keys() & of.keys()):
        film, scan = min(
            ((film, scan) for film in films[patient] for scan in of[patient]),
            key=lambda pair: (abs(pair[0].taken - pair[1].taken), pair[0].taken, pair[1].taken),
        )
        if abs(film.taken - scan.taken) <= within:
            yield film, scan


def _judged(finding: str, threshold: float, scan: Scan) -> Judged:
    suspected = None if finding == Finding.UNDETERMINED else finding == Finding.PRESENT
    return Judged(suspected, threshold, scan.osteoporosis)
