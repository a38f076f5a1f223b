"""Compare a film with prior studies of the same patient.

Prior studies are found by pseudonym, which two people may share if hospitals use the same patient
numbers. A prior result is ignored if its sex or age does not fit the film.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from node.domain.decision.prediction import PriorComparison, ScoreKind
from node.domain.decision.thresholds import FilmFacts

_DAYS_PER_YEAR = 365.25
_AGE_TOLERANCE = 2.0  # ages are completed or rounded years


class RepeatRule(StrEnum):
    """The treatment of a finding that a prior study has already reported."""

    FLAG = "flag"  # flagged again; the report mentions the prior study
    MARK = "mark"  # reported as known, and not flagged again


@dataclass(frozen=True, slots=True)
class PriorRule:
    """The number of months for which prior studies are considered, 0 for no prior studies."""

    months: int = 0
    repeat: RepeatRule = RepeatRule.MARK


NO_PRIORS = PriorRule()


class PriorResult(NamedTuple):
    """The result of a prior film from another study.

    `reported` is true if the film was flagged and its results are delivered or pending. `study` is
    the Study Instance UID of the film.
    """

    exposure_date: date
    score: float | None
    score_kind: ScoreKind | None
    model_digest: str
    reported: bool
    sex: str = ""
    age_years: float | None = None
    study: str = ""


@dataclass(frozen=True, slots=True)
class PriorStudies:
    """The digest of the current model, and the prior results of a patient, newest first."""

    model_digest: str = ""
    results: Sequence[PriorResult] = ()


NO_PRIOR_STUDIES = PriorStudies()


@lru_cache
def look_back_start(exposure_date: date | None, rule: PriorRule) -> date | None:
    """Return the first day of the look-back period, or None if prior studies are not considered."""
    if not rule.months or exposure_date is None:
        return None
    months = exposure_date.year * 12 + exposure_date.month - 1 - rule.months
    year, month = months // 12, months % 12 + 1
    if year < 1:
        return date.min
    return date(year, month, min(exposure_date.day, monthrange(year, month)[1]))


def compare_with_prior_studies(
    film: FilmFacts, kind: ScoreKind, priors: PriorStudies, rule: PriorRule
) -> PriorComparison | None:
    """Return the comparison with prior studies, or None without a prior study.

    Scores are compared only if they have the same model and the same kind.
    """
    first = look_back_start(film.exposure_date, rule) if priors.results else None
    if first is None:
        return None
    results = list(_plausible_results(film, priors.results, first))
    scored = next((result for result in results if result.score is not None), None)
    reported = any(result.reported for result in results)
    if scored is None and not reported:
        return None
    score, source = None, (kind, priors.model_digest)
    if scored is not None and (scored.score_kind, scored.model_digest) == source:
        score = scored.score
    return PriorComparison(rule.months, reported, score)


def _plausible_results(
    film: FilmFacts, results: Sequence[PriorResult], first: date
) -> Iterator[PriorResult]:
    for result in results:
        if film.exposure_date is None or not first <= result.exposure_date <= film.exposure_date:
            continue
        if film.sex and result.sex and film.sex != result.sex:
            continue
        if film.age_years is not None and result.age_years is not None:
            years = (film.exposure_date - result.exposure_date).days / _DAYS_PER_YEAR
            if abs(film.age_years - result.age_years - years) > _AGE_TOLERANCE:
                continue
        yield result
