"""Earlier films of the same patient: how the score has changed, and what is known already.

Who a patient is stays out of it: results come by a pseudonym that the caller has looked up. Two
people can meet under one pseudonym, where hospitals number their patients alike; a result whose
sex or age belongs to somebody else is passed over.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from node.domain.decision.prediction import Comparison, ScoreKind
from node.domain.decision.thresholds import FilmFacts

_DAYS_A_YEAR = 365.25
_AGE_TOLERANCE = 2.0  # completed years at both ends, and what people round


class Repeat(StrEnum):
    """What becomes of a finding that an earlier film of the patient has shown already."""

    FLAG = "flag"  # flagged once more; the report says that it is known
    MARK = "mark"  # reported as known, and not flagged


@dataclass(frozen=True, slots=True)
class PriorRule:
    """How far back earlier films are looked for, 0 for not at all."""

    months: int = 0
    repeat: Repeat = Repeat.MARK


NO_PRIORS = PriorRule()


class PriorResult(NamedTuple):
    """What an earlier film of the patient, of another study, came to.

    `reported` is whether it was flagged, and its results are delivered or on their way. `study` is
    its Study Instance UID. A named tuple, as a replay keeps one of each stored score.
    """

    taken: date
    score: float | None
    used: ScoreKind | None
    model_digest: str
    reported: bool
    sex: str = ""
    age_years: float | None = None
    study: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """What there is to compare a score with: the model that made it, and results newest first."""

    model_digest: str = ""
    results: Sequence[PriorResult] = ()


NOTHING_BEFORE = Past()


@lru_cache
def since(taken: date | None, rule: PriorRule) -> date | None:
    """Return the day from which films of the patient count; None where none is to be asked for."""
    if not rule.months or taken is None:
        return None
    months = taken.year * 12 + taken.month - 1 - rule.months
    year, month = months // 12, months % 12 + 1
    if year < 1:
        return date.min
    return date(year, month, min(taken.day, monthrange(year, month)[1]))


def compare(film: FilmFacts, used: ScoreKind, past: Past, rule: PriorRule) -> Comparison | None:
    """Return how a film's score stands to the patient's earlier ones, None where there are none.

    Scores are compared where one model made both, of the same kind: they are chances of different
    things otherwise.
    """
    first = since(film.taken, rule) if past.results else None
    if first is None:
        return None
    results = list(_of_this_person(film, past.results, first))
    scored = next((one for one in results if one.score is not None), None)
    reported = any(one.reported for one in results)
    if scored is None and not reported:
        return None
    alike = scored is not None and scored.used is used and scored.model_digest == past.model_digest
    return Comparison(
        months=rule.months,
        reported=reported,
        score=scored.score if scored is not None and alike else None,
    )


def _of_this_person(
    film: FilmFacts, results: Sequence[PriorResult], first: date
) -> Iterator[PriorResult]:
    for one in results:
        if film.taken is None or not first <= one.taken <= film.taken:
            continue
        if film.sex and one.sex and film.sex != one.sex:
            continue
        if film.age_years is not None and one.age_years is not None:
            passed = (film.taken - one.taken).days / _DAYS_A_YEAR
            if abs(film.age_years - one.age_years - passed) > _AGE_TOLERANCE:
                continue
        yield one
