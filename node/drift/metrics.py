"""What a source of films sends, and whether it is still what it was: figures of some days.

A source is a calling AE title with a station. Its films of the last days are measured, and their
scores compared with those of its own first days under the same bundle: another bundle's scores
are chances of other things. Scores are those of the image, before facts and policy.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from statistics import median
from typing import NamedTuple

import numpy as np

from node.domain.workflow.job import JobState
from node.drift.statistics import ks, psi

LEAST = 30
"""Films under which no share and no median is told."""

_KEPT_SCORES = 1000
_ONE_DAY = timedelta(days=1)


class Source(NamedTuple):
    """Who sent films, and the station that took them; empty where it does not say."""

    calling_ae: str
    station: str

    def __str__(self) -> str:
        return f"{self.calling_ae} / {self.station}" if self.station else self.calling_ae


class SeenFilm(NamedTuple):
    """What the job table knows of a film, as far as drift is concerned.

    `model` is the digest of the bundle that scored it, empty where none did; `image` its score.
    """

    day: date
    source: Source
    state: str
    reason: str
    sex: str
    age_years: float | None
    model: str
    image: float | None
    flagged: bool


class Measure(StrEnum):
    """What is measured of a source. The names are part of the interface: never rename one."""

    FILMS = "films"
    ADMITTED = "admitted"
    FAILED = "failed"
    FLAGGED = "flagged"
    AGE = "age_median"
    WOMEN = "women"
    SCORE = "score_median"
    PSI = "psi"
    KS = "ks"
    KS_P = "ks_p"


REFUSED = "refused."
"""What the name of a measure begins with that is the share refused for one reason."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure: its value, None where there are too few, and the films that it is of.

    Shares are 0 to 1. `reference` is the same measure of the reference, None where it has none.
    """

    measure: str
    value: float | None
    films: int
    reference: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure as it is kept: of a source on a day, under the bundle that scored its films."""

    day: date
    source: Source
    figure: Figure
    model: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: films of `window` days, scores compared from so many films on.

    The reference is the first `reference_days` of a source and a bundle, and more of them until
    there are `reference_films`; or what came from `since` to `until`, both of them included.
    """

    window: int = 14
    films: int = 200
    reference_days: int = 28
    reference_films: int = 200
    since: date | None = None
    until: date | None = None

    @property
    def basis(self) -> str:
        """How a reference comes about, in words; one that came about otherwise is made anew."""
        if self.since is not None:
            return f"{self.since} to {self.until}, {self.reference_films} films or more"
        return f"first {self.reference_days} days, {self.reference_films} films or more"

    def window_of(self, day: date) -> date:
        """Return the first day of the window that ends with a day."""
        return day - (self.window - 1) * _ONE_DAY


@dataclass(frozen=True, slots=True)
class Reference:
    """What a source was like under one bundle: its scores, sorted, and every other measure.

    Of many scores, evenly spaced ones are kept. `basis` is how it came about.
    """

    source: Source
    model: str
    since: date
    until: date
    basis: str
    scores: tuple[float, ...]
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """The films of one source, counted as they come."""

    films: int = 0
    failed: int = 0
    scored: int = 0
    flagged: int = 0
    model: str = ""
    refused: Counter[str] = field(default_factory=Counter)
    sexes: Counter[str] = field(default_factory=Counter)
    ages: list[float] = field(default_factory=list)
    scores: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, film: SeenFilm) -> None:
        """Count one more; `model` is that of the last one scored."""
        self.films += 1
        if film.state == JobState.REJECTED:
            self.refused[film.reason] += 1
            return
        self.failed += film.state == JobState.FAILED
        self.sexes[film.sex] += 1
        if film.age_years is not None:
            self.ages.append(film.age_years)
        if film.model:
            self.scored += 1
            self.flagged += film.flagged
            self.model = film.model
            if film.image is not None:
                self.scores[film.model].append(film.image)


def tallies(films: Iterable[SeenFilm]) -> dict[Source, Tally]:
    """Return what each source sent; films come in the order in which they were received."""
    found: defaultdict[Source, Tally] = defaultdict(Tally)
    for film in films:
        found[film.source].add(film)
    return dict(found)


def reference_of(
    source: Source, films: Sequence[SeenFilm], model: str, plan: Plan
) -> Reference | None:
    """Return the reference that films of one source make, in order; None with too few scores."""
    tally = tallies(films).get(source, Tally())
    scores = np.sort(tally.scores[model])
    if len(scores) < plan.reference_films:
        return None
    if len(scores) > _KEPT_SCORES:
        scores = np.quantile(scores, np.linspace(0, 1, _KEPT_SCORES))
    return Reference(
        source=source,
        model=model,
        since=films[0].day,
        until=films[-1].day,
        basis=plan.basis,
        scores=tuple(round(float(score), 6) for score in scores),
        measures={
            one.measure: one.value
            for one in [*_plain(tally), _score(tally.scores[model])]
            if one.value is not None and one.measure != Measure.FILMS
        },
    )


def first_days(films: Iterable[SeenFilm], model: str, plan: Plan, today: date) -> list[SeenFilm]:
    """Return the films of the first days that make a reference; none where it is too early.

    `films` are of one source, in order, from the day on at which the bundle scored its first, up
    to the day before `today`. No more of them is read than it takes.
    """
    taken: list[SeenFilm] = []
    scored = 0
    for film in films:
        if taken and film.day != taken[-1].day and _enough(taken, scored, film.day, plan):
            return taken
        taken.append(film)
        scored += film.model == model and film.image is not None
    return taken if taken and _enough(taken, scored, today, plan) else []


def _enough(taken: Sequence[SeenFilm], scored: int, next_day: date, plan: Plan) -> bool:
    days = (next_day - taken[0].day).days
    return days >= plan.reference_days and scored >= plan.reference_films


def figures(tally: Tally, reference: Reference | None, plan: Plan) -> list[Figure]:
    """Return every measure of a source.

    Those that compare scores are left out without a reference, and have no value where there
    are too few films.
    """
    scores = tally.scores[tally.model] if tally.model else []
    found = [*_plain(tally), _score(scores)]
    if reference is None:
        return found
    known = reference.measures
    compared = [Figure(one.measure, one.value, one.films, known.get(one.measure)) for one in found]
    return [*compared, *_comparisons(scores, reference, plan)]


def _plain(tally: Tally) -> list[Figure]:
    """Return what needs no reference. Age and sex are of the admitted films that state them."""
    refused = tally.refused.total()
    told = tally.sexes["F"] + tally.sexes["M"]
    middle = median(tally.ages) if len(tally.ages) >= LEAST else None
    return [
        Figure(Measure.FILMS, float(tally.films), tally.films),
        _share(Measure.ADMITTED, tally.films - refused, tally.films),
        *(
            _share(f"{REFUSED}{reason}", count, tally.films)
            for reason, count in sorted(tally.refused.items())
        ),
        _share(Measure.FAILED, tally.failed, tally.films - refused),
        _share(Measure.FLAGGED, tally.flagged, tally.scored),
        Figure(Measure.AGE, middle, len(tally.ages)),
        _share(Measure.WOMEN, tally.sexes["F"], told),
    ]


def _share(measure: str, count: int, films: int) -> Figure:
    return Figure(measure, count / films if films >= LEAST else None, films)


def _score(scores: Sequence[float]) -> Figure:
    middle = median(scores) if len(scores) >= LEAST else None
    return Figure(Measure.SCORE, middle, len(scores))


def _comparisons(scores: Sequence[float], reference: Reference, plan: Plan) -> list[Figure]:
    n = len(scores)
    if n < plan.films:
        return [Figure(measure, None, n) for measure in (Measure.PSI, Measure.KS, Measure.KS_P)]
    distance, p = ks(reference.scores, scores)
    return [
        Figure(Measure.PSI, psi(reference.scores, scores), n),
        Figure(Measure.KS, distance, n),
        Figure(Measure.KS_P, p, n),
    ]
