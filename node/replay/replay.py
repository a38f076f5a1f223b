"""Replay: apply another policy to stored scores, without running the model."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from node.domain.decision.decide import DecisionPolicy, decide
from node.domain.decision.prediction import Decision, Finding, Probability
from node.domain.decision.prior_studies import NO_PRIOR_STUDIES, PriorResult, PriorStudies

_BANDS = (50, 60, 70, 80)

_Kind = tuple[bool, bool, bool, bool]
"""The properties of a film that are counted, in the order of the fields of `FlagCounts`."""


class StoredScore(NamedTuple):
    """A scored film in the job table, with all attributes that a policy uses.

    `received` is the day of receipt, such as 2026-03-01.
    """

    job_id: int
    received: str
    exposure_date: date | None
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


class FlagChange(StrEnum):
    """The change of a film's flag by the new policy."""

    FLAGGED = "flagged"
    UNFLAGGED = "unflagged"


class Flip(NamedTuple):
    """A film whose flag changes, with the old and the new threshold, and the new rule."""

    job_id: int
    change: FlagChange
    score: float | None
    before: float
    after: float
    rule: str


class ReplayedFinding(NamedTuple):
    """The stored finding of a film, and the finding by the new policy."""

    day: date
    finding: str
    threshold: float
    new_finding: str
    new_threshold: float


@dataclass(frozen=True, slots=True)
class FlagCounts:
    """Numbers of flagged and undetermined films, by the stored findings and by the new policy."""

    films: int
    flagged: int
    new_flagged: int
    undetermined: int
    new_undetermined: int


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of a replay; `findings` are by pseudonym, for selected patients only."""

    total: FlagCounts
    by_day: Mapping[str, FlagCounts]
    by_sex: Mapping[str, FlagCounts]
    by_age: Mapping[str, FlagCounts]
    rules: Mapping[str, int]
    flips: Sequence[Flip]
    findings: Mapping[str, Sequence[ReplayedFinding]]


def replay(
    scores: Iterable[StoredScore],
    policy: DecisionPolicy,
    model: str = "",
    patients: Container[str] = (),
) -> Replay:
    """Decide on every stored score again, with the function that decides on new films.

    `model` is the digest of the bundle that computed the scores. `patients` are the pseudonyms
    whose findings are returned. If the policy uses prior studies, the scores must be in order of
    exposure.
    """
    history = _History(policy, model)
    days, sexes, ages = _Counts(), _Counts(), _Counts()
    rules: Counter[str] = Counter()
    flips: list[Flip] = []
    findings: defaultdict[str, list[ReplayedFinding]] = defaultdict(list)
    for stored in scores:
        probability = Probability(stored.image, stored.clinical, stored.combined)
        decision = decide(probability, stored, policy, history.before(stored))
        history.add(stored, decision)
        kind = _kind(stored, decision)
        days.add(stored.received, kind)
        sexes.add(stored.sex or "unknown", kind)
        ages.add(age_band(stored.age_years), kind)
        rules[decision.rule] += 1
        if stored.flagged != decision.flagged:
            flips.append(_flip(stored, decision))
        day = stored.exposure_date
        if stored.patient in patients and day is not None and decision.score is not None:
            old, new = (stored.finding, stored.threshold), (decision.finding, decision.threshold)
            findings[stored.patient].append(ReplayedFinding(day, *old, *new))
    return Replay(
        total=sexes.total(),
        by_day=days.by_group(),
        by_sex=sexes.by_group(),
        by_age=ages.by_group(),
        rules=rules,
        flips=flips,
        findings=findings,
    )


def age_band(years: float | None) -> str:
    """Return the decade of an age, with an open band at each end."""
    if years is None:
        return "unknown"
    if years < _BANDS[0]:
        return f"under {_BANDS[0]}"
    if years >= _BANDS[-1]:
        return f"{_BANDS[-1]} and over"
    decade = int(years // 10 * 10)
    return f"{decade} to {decade + 9}"


class _Counts:
    """Numbers of films, by group and by properties of the film."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Counter[_Kind]] = defaultdict(Counter)

    def add(self, group: str, kind: _Kind) -> None:
        self._counts[group][kind] += 1

    def total(self) -> FlagCounts:
        """Return the counts of all groups together."""
        return _flag_counts(sum(self._counts.values(), Counter[_Kind]()))

    def by_group(self) -> dict[str, FlagCounts]:
        """Return the counts of each group, sorted by group."""
        return {group: _flag_counts(counts) for group, counts in sorted(self._counts.items())}


def _kind(stored: StoredScore, decision: Decision) -> _Kind:
    return (
        stored.flagged,
        decision.flagged,
        stored.finding == Finding.UNDETERMINED,
        decision.finding is Finding.UNDETERMINED,
    )


def _flag_counts(counts: Counter[_Kind]) -> FlagCounts:
    sums = (sum(films for kind, films in counts.items() if kind[part]) for part in range(4))
    return FlagCounts(counts.total(), *sums)


def _flip(stored: StoredScore, decision: Decision) -> Flip:
    change = FlagChange.FLAGGED if decision.flagged else FlagChange.UNFLAGGED
    thresholds = stored.threshold, decision.threshold
    return Flip(stored.job_id, change, decision.score, *thresholds, decision.rule)


class _History:
    """The results of the already replayed films, by patient."""

    def __init__(self, policy: DecisionPolicy, model: str) -> None:
        self._rule = policy.prior
        self._model = model
        self._results: defaultdict[str, list[PriorResult]] = defaultdict(list)

    def before(self, stored: StoredScore) -> PriorStudies:
        """Return the patient's results from other studies, newest first."""
        results = self._results.get(stored.patient)
        if not results:
            return NO_PRIOR_STUDIES
        return PriorStudies(
            self._model, [result for result in reversed(results) if result.study != stored.study]
        )

    def add(self, stored: StoredScore, decision: Decision) -> None:
        """Add a result, which counts as reported if the film is flagged and its report was sent."""
        if not self._rule.months or not stored.patient or stored.exposure_date is None:
            return
        result = PriorResult(
            exposure_date=stored.exposure_date,
            score=decision.score,
            score_kind=decision.score_kind,
            model_digest=self._model,
            reported=decision.flagged and stored.reported,
            sex=stored.sex,
            age_years=stored.age_years,
            study=stored.study,
        )
        self._results[stored.patient].append(result)
