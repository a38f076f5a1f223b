"""Two bundles on the same films: how their scores and their flags compare, and on which films.

Both are judged by one policy, each by the operating points of its own card. Earlier films of a
patient are left aside: the challenger has reported none.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median
from typing import NamedTuple

from models.bundle.intended_use import IntendedUse
from node.challenger.accuracy_comparison import Diagnosis, PatientFilm
from node.challenger.agreement import Crossed, ScoreAgreement, compare_scores, cross
from node.challenger.states import ChallengerState, is_chosen
from node.domain.decision.decide import DecisionPolicy, decide
from node.domain.decision.prediction import Decision, Finding, Probability
from node.replay.replay import StoredScore, age_band


@dataclass(frozen=True, slots=True)
class Side:
    """A bundle as it is configured, the digest that its card claims, the policy by its points."""

    bundle: str
    model: str
    policy: DecisionPolicy
    intended_use: IntendedUse = IntendedUse.DEMONSTRATION


class StoredPair(NamedTuple):
    """A film that the serving bundle has scored, and what became of it with the challenger.

    `state` is None if the challenger has no row of it; `kept` is whether its bytes still exist.
    Seconds are those of the model alone, None where they are not on record.
    """

    stored: StoredScore
    uid: str
    kept: bool
    seconds: float | None
    state: str | None
    image: float | None
    clinical: float | None
    combined: float | None
    challenger_seconds: float | None


class Compared(NamedTuple):
    """A film that both have scored: the scores that count, and what policy makes of them."""

    job_id: int
    sex: str
    age: str
    source: str
    serving: Decision
    challenger: Decision

    @property
    def flags(self) -> tuple[bool, bool]:
        """Whether it is suspected by the one, and by the other."""
        return self.serving.finding is Finding.PRESENT, self.challenger.finding is Finding.PRESENT


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many films the serving bundle has scored, and what the challenger has of them.

    `left_out` are not of its share, `waiting` is what it has still to score, `gone` was purged
    before it could. What it turned away, or failed on, is counted apart.
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
    """One group of films: flagged by each, and the mean difference of the scores that count."""

    films: int
    flagged: int
    challenger_flagged: int
    flips: int
    difference: float | None


@dataclass(frozen=True, slots=True)
class Seconds:
    """What a film costs a bundle: mean and median, over so many films."""

    films: int
    mean: float | None
    median: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that is compared; differences are challenger minus serving.

    `scores` are by their kind. `films` are all that were compared, `of_patients` those of the
    patients who were asked for, by pseudonym.
    """

    coverage: Coverage
    scores: Mapping[str, ScoreAgreement]
    flags: Crossed
    undetermined: tuple[int, int]
    by_sex: Mapping[str, GroupFlags]
    by_age: Mapping[str, GroupFlags]
    by_source: Mapping[str, GroupFlags]
    seconds: tuple[Seconds, Seconds]
    films: Sequence[Compared]
    of_patients: Mapping[str, Sequence[PatientFilm]]

    @property
    def scored(self) -> list[Compared]:
        """The films on which a score of each bundle counts."""
        return [
            film for film in self.films if None not in (film.serving.score, film.challenger.score)
        ]

    @property
    def flips(self) -> list[Compared]:
        """The films that one flags and the other does not."""
        return [film for film in self.films if film.flags[0] != film.flags[1]]


@dataclass(frozen=True, slots=True)
class Report:
    """A comparison with all that is said of it.

    `since` is when its first film came, None if the challenger has none. `others` are films since
    then that a third bundle has scored; `diagnosis` is None without outcomes.
    """

    serving: Side
    challenger: Side
    since: datetime | None
    others: int
    made: Comparison
    diagnosis: Diagnosis | None

    @property
    def uses(self) -> set[IntendedUse]:
        """What the two bundles are meant for."""
        return {self.serving.intended_use, self.challenger.intended_use}


def compare_bundles(
    pairs: Iterable[StoredPair],
    serving: Side,
    challenger: Side,
    share: float,
    patients: Container[str] = (),
) -> Comparison:
    """Compare what both have said of each film; `share` is that of films the challenger scores."""
    became: Counter[str] = Counter()
    both: list[StoredPair] = []
    films: list[Compared] = []
    of_patients: defaultdict[str, list[PatientFilm]] = defaultdict(list)
    for pair in pairs:
        became[_became(pair, share)] += 1
        if pair.state != ChallengerState.SCORED:
            continue
        film = _compared(pair, serving.policy, challenger.policy)
        both.append(pair)
        films.append(film)
        taken, patient = pair.stored.taken, pair.stored.patient
        if taken is not None and patient in patients:
            of_patients[patient].append(PatientFilm(taken, film.serving, film.challenger))
    return Comparison(
        coverage=_coverage(became),
        scores=_scores(both),
        flags=cross([film.flags for film in films]),
        undetermined=(
            sum(film.serving.finding is Finding.UNDETERMINED for film in films),
            sum(film.challenger.finding is Finding.UNDETERMINED for film in films),
        ),
        by_sex=_groups(films, lambda film: film.sex),
        by_age=_groups(films, lambda film: film.age),
        by_source=_groups(films, lambda film: film.source),
        seconds=(
            _seconds([pair.seconds for pair in both]),
            _seconds([pair.challenger_seconds for pair in both]),
        ),
        films=films,
        of_patients=of_patients,
    )


def _became(pair: StoredPair, share: float) -> str:
    """Return what became of a film with the challenger: a state, or a field of `Coverage`."""
    if pair.state is None:
        if not is_chosen(pair.uid, share):
            return "left_out"
        return "waiting" if pair.kept else ChallengerState.GONE
    return "waiting" if pair.state == ChallengerState.SCORING else pair.state


def _coverage(became: Counter[str]) -> Coverage:
    return Coverage(
        films=became.total(),
        compared=became[ChallengerState.SCORED],
        left_out=became["left_out"],
        waiting=became["waiting"],
        gone=became[ChallengerState.GONE],
        rejected=became[ChallengerState.REJECTED],
        failed=became[ChallengerState.FAILED],
    )


def _compared(pair: StoredPair, serving: DecisionPolicy, challenger: DecisionPolicy) -> Compared:
    stored = pair.stored
    first = Probability(stored.image, stored.clinical, stored.combined)
    second = Probability(pair.image, pair.clinical, pair.combined)
    return Compared(
        job_id=stored.job_id,
        sex=stored.sex or "unknown",
        age=age_band(stored.age_years),
        source=stored.calling_ae or "unknown",
        serving=decide(first, stored, serving),
        challenger=decide(second, stored, challenger),
    )


def _scores(pairs: Sequence[StoredPair]) -> dict[str, ScoreAgreement]:
    """Compare the image scores, and the combined ones, of the films that have both."""
    image = [(pair.stored.image, pair.image) for pair in pairs]
    combined = [(pair.stored.combined, pair.combined) for pair in pairs]
    return {"image": _of_both(image), "combined": _of_both(combined)}


def _of_both(scores: Iterable[tuple[float | None, float | None]]) -> ScoreAgreement:
    there = [(one, other) for one, other in scores if one is not None and other is not None]
    return compare_scores([one for one, _ in there], [other for _, other in there])


def _groups(films: Sequence[Compared], name: Callable[[Compared], str]) -> dict[str, GroupFlags]:
    found: defaultdict[str, list[Compared]] = defaultdict(list)
    for film in films:
        found[name(film)].append(film)
    return {group: _group(found[group]) for group in sorted(found)}


def _group(films: Sequence[Compared]) -> GroupFlags:
    crossed = cross([film.flags for film in films])
    scores = _of_both((film.serving.score, film.challenger.score) for film in films)
    return GroupFlags(
        films=crossed.films,
        flagged=crossed.both + crossed.first_only,
        challenger_flagged=crossed.both + crossed.second_only,
        flips=crossed.first_only + crossed.second_only,
        difference=scores.mean,
    )


def _seconds(taken: Sequence[float | None]) -> Seconds:
    known = [one for one in taken if one is not None]
    return Seconds(
        films=len(known),
        mean=fmean(known) if known else None,
        median=median(known) if known else None,
    )
