"""Metrics of a source over some days, and their comparison with a reference.

A source is a calling AE title with a station. The image scores of the last days are compared with
the image scores of the first days under the same bundle.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from statistics import median
from typing import NamedTuple

import numpy as np

from node.domain.workflow.job import JobState
from node.drift.statistics import ks, psi

MIN_FILMS = 30
"""The minimum number of films for a share or a median."""

_MAX_SCORES = 1000  # maximum number of scores of a reference
_ONE_DAY = timedelta(days=1)


class Source(NamedTuple):
    """The calling AE title and the Station Name, which may be empty."""

    calling_ae: str
    station: str

    def __str__(self) -> str:
        return f"{self.calling_ae} / {self.station}" if self.station else self.calling_ae


class ReceivedFilm(NamedTuple):
    """The values of a film that metrics need.

    `model` is the digest of the bundle that scored the film, or empty. `image` is the image score.
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
    """The quantities that are measured; never rename a measure, because names are stored."""

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
"""Prefix of measures; each measure is the share of films that were refused for one reason."""


@dataclass(frozen=True, slots=True)
class Metric:
    """The value of a measure (shares are 0 to 1), or None with too few films.

    `reference` is the value of the same measure in the reference, or None.
    """

    measure: str
    value: float | None
    films: int
    reference: float | None = None


@dataclass(frozen=True, slots=True)
class DailyMetric:
    """A stored metric of a source on a day; `model` is the digest of the scoring bundle."""

    day: date
    source: Source
    metric: Metric
    model: str


@dataclass(frozen=True, slots=True)
class DriftPlan:
    """A window of days, and the number of scores in the window that a comparison requires.

    The reference covers the first `reference_days` of a source under a bundle, and more days if
    these days contain less than `reference_films` films. If `since` and `until` are set, the
    reference covers the days from `since` to `until`.
    """

    window: int
    films: int
    reference_days: int
    reference_films: int
    since: date | None = None
    until: date | None = None

    @property
    def basis(self) -> str:
        """The rule that selects the films of a reference; the rule is stored with the reference."""
        if self.since is not None:
            return f"{self.since} to {self.until}, {self.reference_films} films or more"
        return f"first {self.reference_days} days, {self.reference_films} films or more"

    def window_of(self, day: date) -> date:
        """Return the first day of the window that ends on a day."""
        return day - (self.window - 1) * _ONE_DAY


@dataclass(frozen=True, slots=True)
class DriftReference:
    """The sorted scores of a source under one bundle, and the source's other measures.

    If a source has more than 1000 scores, 1000 quantiles are kept. `basis` is the rule that
    selected the films.
    """

    source: Source
    model: str
    since: date
    until: date
    basis: str
    scores: tuple[float, ...]
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class SourceCounts:
    """Counts of the films of one source."""

    films: int = 0
    failed: int = 0
    scored: int = 0
    flagged: int = 0
    model: str = ""
    refused: Counter[str] = field(default_factory=Counter)
    sexes: Counter[str] = field(default_factory=Counter)
    ages: list[float] = field(default_factory=list)
    scores: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, film: ReceivedFilm) -> None:
        """Count a film, and set `model` if a bundle has scored the film."""
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


def count_by_source(films: Iterable[ReceivedFilm]) -> dict[Source, SourceCounts]:
    """Return the counts of each source, from films in the order of their receipt."""
    by_source: defaultdict[Source, SourceCounts] = defaultdict(SourceCounts)
    for film in films:
        by_source[film.source].add(film)
    return dict(by_source)


def build_reference(
    source: Source, films: Sequence[ReceivedFilm], model: str, plan: DriftPlan
) -> DriftReference | None:
    """Return the reference that a source's films give, or None with too few scores."""
    counts = count_by_source(films).get(source, SourceCounts())
    scores = np.sort(counts.scores[model])
    if len(scores) < plan.reference_films:
        return None
    if len(scores) > _MAX_SCORES:
        scores = np.quantile(scores, np.linspace(0, 1, _MAX_SCORES))
    return DriftReference(
        source=source,
        model=model,
        since=films[0].day,
        until=films[-1].day,
        basis=plan.basis,
        scores=tuple(round(float(score), 6) for score in scores),
        measures={
            metric.measure: metric.value
            for metric in _basic_metrics(counts, counts.scores[model])
            if metric.value is not None and metric.measure != Measure.FILMS
        },
    )


def first_days(
    films: Iterable[ReceivedFilm], model: str, plan: DriftPlan, today: date
) -> list[ReceivedFilm]:
    """Return the films of the first days that suffice for a reference, or [] with too few films.

    `films` are the films of one source in order of receipt, from the day of the bundle's first
    score to the day before `today`. Reading ends when the reference is complete.
    """
    selected: list[ReceivedFilm] = []
    scored = 0
    for film in films:
        new_day = selected and film.day != selected[-1].day
        if new_day and _is_complete(selected, scored, film.day, plan):
            return selected
        selected.append(film)
        scored += film.model == model and film.image is not None
    return selected if selected and _is_complete(selected, scored, today, plan) else []


def _is_complete(
    films: Sequence[ReceivedFilm], scored: int, next_day: date, plan: DriftPlan
) -> bool:
    days = (next_day - films[0].day).days
    return days >= plan.reference_days and scored >= plan.reference_films


def compute_metrics(
    counts: SourceCounts, reference: DriftReference | None, plan: DriftPlan
) -> list[Metric]:
    """Return every metric of a source; comparisons of scores require a reference."""
    scores = counts.scores[counts.model] if counts.model else []
    metrics = _basic_metrics(counts, scores)
    if reference is None:
        return metrics
    with_reference = [
        replace(metric, reference=reference.measures.get(metric.measure)) for metric in metrics
    ]
    return [*with_reference, *_comparisons(scores, reference, plan)]


def _basic_metrics(counts: SourceCounts, scores: Sequence[float]) -> list[Metric]:
    """Return the metrics that need no reference; age and sex metrics use admitted films only."""
    refused = counts.refused.total()
    with_sex = counts.sexes["F"] + counts.sexes["M"]
    return [
        Metric(Measure.FILMS, float(counts.films), counts.films),
        _share(Measure.ADMITTED, counts.films - refused, counts.films),
        *(
            _share(f"{REFUSED}{reason}", count, counts.films)
            for reason, count in sorted(counts.refused.items())
        ),
        _share(Measure.FAILED, counts.failed, counts.films - refused),
        _share(Measure.FLAGGED, counts.flagged, counts.scored),
        _median(Measure.AGE, counts.ages),
        _share(Measure.WOMEN, counts.sexes["F"], with_sex),
        _median(Measure.SCORE, scores),
    ]


def _share(measure: str, count: int, films: int) -> Metric:
    return Metric(measure, count / films if films >= MIN_FILMS else None, films)


def _median(measure: str, values: Sequence[float]) -> Metric:
    return Metric(measure, median(values) if len(values) >= MIN_FILMS else None, len(values))


def _comparisons(
    scores: Sequence[float], reference: DriftReference, plan: DriftPlan
) -> list[Metric]:
    n = len(scores)
    if n < plan.films:
        return [Metric(measure, None, n) for measure in (Measure.PSI, Measure.KS, Measure.KS_P)]
    distance, p = ks(reference.scores, scores)
    return [
        Metric(Measure.PSI, psi(reference.scores, scores), n),
        Metric(Measure.KS, distance, n),
        Metric(Measure.KS_P, p, n),
    ]
