"""Stored scores under other rules: which films would be flagged, without running the model."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from node.domain.decision.decide import DecisionPolicy, decide
from node.domain.decision.prediction import Decision, Finding, Probability
from node.domain.decision.prior_studies import NOTHING_BEFORE, Past, PriorResult

_BANDS = (50, 60, 70, 80)
_FLAGGED, _NEW_FLAGGED, _OPEN, _NEW_OPEN, _KINDS = 1, 2, 4, 8, 16
_FLIPPED = _FLAGGED | _NEW_FLAGGED


class StoredScore(NamedTuple):
    """What the job table keeps of one scored film. It has all that policy asks of a film.

    A named tuple, not a dataclass: a hundred thousand of them are made in one replay. `received` is
    the day, as 2026-03-01.
    """

    job_id: int
    received: str
    taken: date | None
    sex: str
    age_years: float | None
    calling_ae: str
    station: str
    patient: str
    study: str
    image: float | None
    clinical: float | None
    combined: float | None
    finding: str
    threshold: float
    flagged: bool
    reported: bool


class Change(StrEnum):
    """How a film's flag comes out under other rules."""

    FLAGGED = "flagged"
    UNFLAGGED = "unflagged"


class Flip(NamedTuple):
    """A film whose flag changes, and the rule that held."""

    job_id: int
    change: Change
    score: float | None
    before: float
    after: float
    rule: str


class Point(NamedTuple):
    """What one patient's film said, now and by the rules that are tried: for densitometry."""

    taken: date
    finding: str
    threshold: float
    new_finding: str
    new_threshold: float


@dataclass(frozen=True, slots=True)
class Tally:
    """How many films, and how many of them flagged and open: as stored, and by the rules tried."""

    films: int
    flagged: int
    new_flagged: int
    undetermined: int
    new_undetermined: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of all films. `points` are those of patients who were asked for, by pseudonym."""

    all: Tally
    by_day: Mapping[str, Tally]
    by_sex: Mapping[str, Tally]
    by_age: Mapping[str, Tally]
    rules: Mapping[str, int]
    flips: Sequence[Flip]
    points: Mapping[str, Sequence[Point]]


def replay(
    scores: Iterable[StoredScore],
    policy: DecisionPolicy,
    model: str = "",
    patients: Container[str] = (),
) -> Replay:
    """Decide on every stored score anew, by the function that decides on films.

    `model` is the digest of the bundle that made all these scores, `patients` are those whose
    findings are to be compared with something. Where policy looks at earlier films, scores must
    come in the order in which the films were taken.
    """
    history = _History(policy, model)
    days, sexes, ages = _Counts(), _Counts(), _Counts()
    rules: Counter[str] = Counter()
    flips: list[Flip] = []
    points: defaultdict[str, list[Point]] = defaultdict(list)
    for stored in scores:
        probability = Probability(stored.image, stored.clinical, stored.combined)
        decision = decide(probability, stored, policy, history.before(stored))
        history.keep(stored, decision)
        kind = _kind(stored, decision)
        days.add(stored.received, kind)
        sexes.add(stored.sex or "unknown", kind)
        ages.add(age_band(stored.age_years), kind)
        rules[decision.rule] += 1
        if kind & _FLIPPED in (_FLAGGED, _NEW_FLAGGED):
            flips.append(_flip(stored, decision))
        if stored.patient in patients and stored.taken is not None and decision.score is not None:
            points[stored.patient].append(_point(stored.taken, stored, decision))
    return Replay(
        all=sexes.total(),
        by_day=days.tallies(),
        by_sex=sexes.tallies(),
        by_age=ages.tallies(),
        rules=rules,
        flips=flips,
        points=points,
    )


def age_band(years: float | None) -> str:
    """Return the decade that an age is in, the ends open."""
    if years is None:
        return "unknown"
    if years < _BANDS[0]:
        return f"under {_BANDS[0]}"
    if years >= _BANDS[-1]:
        return f"{_BANDS[-1]} and over"
    decade = int(years // 10 * 10)
    return f"{decade} to {decade + 9}"


class _Counts:
    """Films counted by group, and within one by the kind of film that `_kind` tells."""

    def __init__(self) -> None:
        self._found: defaultdict[str, list[int]] = defaultdict(lambda: [0] * _KINDS)

    def add(self, group: str, kind: int) -> None:
        self._found[group][kind] += 1

    def total(self) -> Tally:
        """Return the tally of all groups together."""
        return _tally([sum(column) for column in zip(*self._found.values(), strict=True)])

    def tallies(self) -> dict[str, Tally]:
        """Return each group's tally, groups in order."""
        return {group: _tally(counts) for group, counts in sorted(self._found.items())}


def _kind(stored: StoredScore, decision: Decision) -> int:
    """Return what is counted of a film as one number: a sum of 1, 2, 4 and 8."""
    return (
        _FLAGGED * stored.flagged
        + _NEW_FLAGGED * decision.flagged
        + _OPEN * (stored.finding == Finding.UNDETERMINED)
        + _NEW_OPEN * (decision.finding is Finding.UNDETERMINED)
    )


def _tally(counts: Sequence[int]) -> Tally:
    parts = (_FLAGGED, _NEW_FLAGGED, _OPEN, _NEW_OPEN)
    sums = (sum(n for kind, n in enumerate(counts) if kind & part) for part in parts)
    return Tally(sum(counts), *sums)


def _flip(stored: StoredScore, decision: Decision) -> Flip:
    change = Change.FLAGGED if decision.flagged else Change.UNFLAGGED
    thresholds = stored.threshold, decision.threshold
    return Flip(stored.job_id, change, decision.score, *thresholds, decision.rule)


def _point(taken: date, stored: StoredScore, decision: Decision) -> Point:
    said = (stored.finding, stored.threshold, str(decision.finding), decision.threshold)
    return Point(taken, *said)


class _History:
    """What the films replayed so far came to, of the patients whose films come again."""

    def __init__(self, policy: DecisionPolicy, model: str) -> None:
        self._rule = policy.prior
        self._model = model
        self._results: defaultdict[str, list[PriorResult]] = defaultdict(list)

    def before(self, stored: StoredScore) -> Past:
        """Return the patient's results so far, newest first, but for those of the same study."""
        known = self._results.get(stored.patient)
        if not known:
            return NOTHING_BEFORE
        return Past(self._model, [one for one in reversed(known) if one.study != stored.study])

    def keep(self, stored: StoredScore, decision: Decision) -> None:
        """Remember one; that its results reached anybody is as it was."""
        if not self._rule.months or not stored.patient or stored.taken is None:
            return
        result = PriorResult(
            taken=stored.taken,
            score=decision.score,
            used=decision.used,
            model_digest=self._model,
            reported=decision.flagged and stored.reported,
            sex=stored.sex,
            age_years=stored.age_years,
            study=stored.study,
        )
        self._results[stored.patient].append(result)
