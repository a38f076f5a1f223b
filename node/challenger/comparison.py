"""Compare the scores and flags of two bundles on the same films.

The same policy decides on both scores, with the operating points of each bundle's own card. Prior
studies are ignored, because the challenger has no results of prior studies.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median
from typing import NamedTuple

from models.bundle.intended_use import IntendedUse
from node.challenger.accuracy_comparison import AccuracyComparison, PatientFilm
from node.challenger.agreement import PairedCounts, ScoreAgreement, compare_scores, count_pairs
from node.challenger.states import ChallengerState, is_chosen
from node.domain.decision.decide import DecisionPolicy, decide
from node.domain.decision.prediction import Decision, Finding, Probability
from node.replay.replay import StoredScore, age_band


@dataclass(frozen=True, slots=True)
class ComparedBundle:
    """A bundle (name or folder), its digest, and the policy with the bundle's operating points."""

    bundle: str
    digest: str
    policy: DecisionPolicy
    intended_use: IntendedUse = IntendedUse.DEMONSTRATION


class ScorePair(NamedTuple):
    """A film that the serving bundle has scored, and its row in the challenger's table.

    `state` is None if the challenger's table has no row for the film. `has_bytes` is true if the
    film is still in the spool. The seconds of prediction are None if they were not recorded.
    """

    stored: StoredScore
    uid: str
    has_bytes: bool
    seconds: float | None
    state: str | None
    image: float | None
    clinical: float | None
    combined: float | None
    challenger_seconds: float | None


class ComparedFilm(NamedTuple):
    """A film that both bundles have scored, with the decision on the scores of each bundle."""

    job_id: int
    sex: str
    age: str
    source: str
    serving: Decision
    challenger: Decision

    @property
    def flags(self) -> tuple[bool, bool]:
        """Whether the serving bundle flags the film, and whether the challenger does."""
        return self.serving.finding is Finding.PRESENT, self.challenger.finding is Finding.PRESENT


@dataclass(frozen=True, slots=True)
class Coverage:
    """Counts of films that the serving bundle has scored, by the challenger's result for each film.

    `left_out` counts films outside the challenger's share. `gone` counts films that were purged
    before the challenger scored them.
    """

    films: int
    compared: int
    left_out: int
    waiting: int
    gone: int
    rejected: int
    failed: int


@dataclass(frozen=True, slots=True)
class GroupFlags:
    """The flags of both bundles in a group of films, and the mean difference of their scores."""

    films: int
    flagged: int
    challenger_flagged: int
    flips: int
    difference: float | None


@dataclass(frozen=True, slots=True)
class SecondsPerFilm:
    """Mean and median time of a bundle for one film."""

    films: int
    mean: float | None
    median: float | None


@dataclass(frozen=True, slots=True)
class BundleComparison:
    """The comparison of two bundles; differences are challenger minus serving.

    `scores` contains the agreement for each kind of score. In each pair of values, the serving
    bundle is first. `films_by_patient` contains the films of the requested patients by pseudonym.
    """

    coverage: Coverage
    scores: Mapping[str, ScoreAgreement]
    flags: PairedCounts
    undetermined: tuple[int, int]
    by_sex: Mapping[str, GroupFlags]
    by_age: Mapping[str, GroupFlags]
    by_source: Mapping[str, GroupFlags]
    seconds: tuple[SecondsPerFilm, SecondsPerFilm]
    films: Sequence[ComparedFilm]
    films_by_patient: Mapping[str, Sequence[PatientFilm]]

    @property
    def scored(self) -> list[ComparedFilm]:
        """The films for which both bundles have a score that the policy uses."""
        return [
            film for film in self.films if None not in (film.serving.score, film.challenger.score)
        ]

    @property
    def flips(self) -> list[ComparedFilm]:
        """The films that only one of the bundles flags."""
        return [film for film in self.films if film.flags[0] != film.flags[1]]


@dataclass(frozen=True, slots=True)
class ChallengerReport:
    """The comparison of the configured bundles.

    `since` is the time of receipt of the first film, None without films. `other_films` is the
    number of films that other bundles scored. `accuracy` is None without densitometry.
    """

    serving: ComparedBundle
    challenger: ComparedBundle
    since: datetime | None
    other_films: int
    comparison: BundleComparison
    accuracy: AccuracyComparison | None

    @property
    def intended_uses(self) -> set[IntendedUse]:
        """The set of the intended uses of both bundles."""
        return {self.serving.intended_use, self.challenger.intended_use}


def compare_bundles(
    pairs: Iterable[ScorePair],
    serving: ComparedBundle,
    challenger: ComparedBundle,
    share: float,
    patients: Container[str] = (),
) -> BundleComparison:
    """Compare both bundles on each film; `share` is the share that the challenger scores.

    `patients` are pseudonyms; `films_by_patient` contains only films of these patients.
    """
    states: Counter[str] = Counter()
    scored: list[ScorePair] = []
    films: list[ComparedFilm] = []
    films_by_patient: defaultdict[str, list[PatientFilm]] = defaultdict(list)
    for pair in pairs:
        states[_coverage_state(pair, share)] += 1
        if pair.state != ChallengerState.SCORED:
            continue
        film = _compared(pair, serving.policy, challenger.policy)
        scored.append(pair)
        films.append(film)
        day, patient = pair.stored.exposure_date, pair.stored.patient
        if day is not None and patient in patients:
            films_by_patient[patient].append(PatientFilm(day, film.serving, film.challenger))
    return BundleComparison(
        coverage=_coverage(states),
        scores=_scores(scored),
        flags=count_pairs([film.flags for film in films]),
        undetermined=(
            sum(film.serving.finding is Finding.UNDETERMINED for film in films),
            sum(film.challenger.finding is Finding.UNDETERMINED for film in films),
        ),
        by_sex=_groups(films, lambda film: film.sex),
        by_age=_groups(films, lambda film: film.age),
        by_source=_groups(films, lambda film: film.source),
        seconds=(
            _seconds([pair.seconds for pair in scored]),
            _seconds([pair.challenger_seconds for pair in scored]),
        ),
        films=films,
        films_by_patient=films_by_patient,
    )


def _coverage_state(pair: ScorePair, share: float) -> str:
    """Return the state by which `Coverage` counts a film."""
    if pair.state is None:
        if not is_chosen(pair.uid, share):
            return "left_out"
        return "waiting" if pair.has_bytes else ChallengerState.GONE
    return "waiting" if pair.state == ChallengerState.SCORING else pair.state


def _coverage(states: Counter[str]) -> Coverage:
    return Coverage(
        films=states.total(),
        compared=states[ChallengerState.SCORED],
        left_out=states["left_out"],
        waiting=states["waiting"],
        gone=states[ChallengerState.GONE],
        rejected=states[ChallengerState.REJECTED],
        failed=states[ChallengerState.FAILED],
    )


def _compared(pair: ScorePair, serving: DecisionPolicy, challenger: DecisionPolicy) -> ComparedFilm:
    stored = pair.stored
    first = Probability(stored.image, stored.clinical, stored.combined)
    second = Probability(pair.image, pair.clinical, pair.combined)
    return ComparedFilm(
        job_id=stored.job_id,
        sex=stored.sex or "unknown",
        age=age_band(stored.age_years),
        source=stored.calling_ae or "unknown",
        serving=decide(first, stored, serving),
        challenger=decide(second, stored, challenger),
    )


def _scores(pairs: Sequence[ScorePair]) -> dict[str, ScoreAgreement]:
    """Compare image and combined scores, each on films with this score from both bundles."""
    image = [(pair.stored.image, pair.image) for pair in pairs]
    combined = [(pair.stored.combined, pair.combined) for pair in pairs]
    return {"image": _score_agreement(image), "combined": _score_agreement(combined)}


def _score_agreement(scores: Iterable[tuple[float | None, float | None]]) -> ScoreAgreement:
    pairs = [(x, y) for x, y in scores if x is not None and y is not None]
    return compare_scores([x for x, _ in pairs], [y for _, y in pairs])


def _groups(
    films: Sequence[ComparedFilm], name: Callable[[ComparedFilm], str]
) -> dict[str, GroupFlags]:
    groups: defaultdict[str, list[ComparedFilm]] = defaultdict(list)
    for film in films:
        groups[name(film)].append(film)
    return {group: _group_flags(groups[group]) for group in sorted(groups)}


def _group_flags(films: Sequence[ComparedFilm]) -> GroupFlags:
    counts = count_pairs([film.flags for film in films])
    scores = _score_agreement((film.serving.score, film.challenger.score) for film in films)
    return GroupFlags(
        films=counts.films,
        flagged=counts.both + counts.first_only,
        challenger_flagged=counts.both + counts.second_only,
        flips=counts.first_only + counts.second_only,
        difference=scores.mean,
    )


def _seconds(recorded: Sequence[float | None]) -> SecondsPerFilm:
    seconds = [value for value in recorded if value is not None]
    return SecondsPerFilm(
        films=len(seconds),
        mean=fmean(seconds) if seconds else None,
        median=median(seconds) if seconds else None,
    )
