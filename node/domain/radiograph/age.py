"""The patient's age in years, from Patient's Age or from birth date and date of the film."""

import re
import unicodedata
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from node.domain.radiograph.vocabulary import split_words

OLDEST = 120
"""Maximum plausible age in years; higher values are typing errors or placeholders."""

_NUMBER = r"[0-9]{1,6}(?:[.,][0-9]{1,3})?"
_BARE = re.compile(rf"\s*({_NUMBER})\s*")
_PART = re.compile(rf"\s*({_NUMBER})\s*([^\W\d_][^\W\d_ ./]*(?:[ ./]+[^\W\d_]+)*)[ .]*")
_DAYS_PER_YEAR = 365.25
_YEAR_UNITS = (
    "y, yr, yrs, year, years, yo, y o, year old, years old, j, jahr, jahre, a, an, ans, ano, anos, "
    "anno, anni, 岁, 歲, 歳, 才, 세, 살"
)
_MONTH_UNITS = (
    "m, mo, mos, mth, mths, month, months, monat, monate, mois, mes, meses, mesi, 月, 个月, 個月, "
    "ヶ月, 개월"
)
_WEEK_UNITS = "w, wk, wks, week, weeks, woche, wochen, semaine, semaines, semana, semanas, 周, 週"
_DAY_UNITS = "d, day, days, tag, tage, jour, jours, dia, dias, giorni, 天, 日, 일"
_IN_YEARS = {
    split_words(unit): years
    for units, years in (
        (_YEAR_UNITS, 1.0),
        (_MONTH_UNITS, 1 / 12),
        (_WEEK_UNITS, 7 / _DAYS_PER_YEAR),
        (_DAY_UNITS, 1 / _DAYS_PER_YEAR),
    )
    for unit in units.split(",")
}
_DATE = re.compile(r"([0-9]{4})([.-]?)(?:([0-9]{2})(?:\2([0-9]{2}))?)?")
_CONTRADICTION_YEARS = 2.0


@dataclass(frozen=True, slots=True)
class Age:
    """An age in years, with `contradicted` if age and birth date differ by more than two years."""

    years: float | None
    contradicted: bool = False


def parse_age(patient_age: str) -> float | None:
    """Return the years of a Patient's Age such as `067Y`, or of a text such as `804M` or `81`.

    Zero and implausible ages count as unknown.
    """
    text = unicodedata.normalize("NFKC", patient_age)
    if bare := _BARE.fullmatch(text):
        return _plausible(_number(bare[1]))
    years, position = 0.0, 0
    while position < len(text):
        part = _PART.match(text, position)
        per_unit = _IN_YEARS.get(split_words(part[2])) if part else None
        if part is None or per_unit is None:
            return None
        years, position = years + _number(part[1]) * per_unit, part.end()
    return _plausible(years)


def latest_day(text: str) -> date | None:
    """Return the last day that a date, possibly without day or month, can mean.

    Accepted formats are `19500131`, `1950.01.31` and `1950-01-31`. Month and day may be zero.
    """
    year, month, day = _parse_date(text)
    month = month or 12
    try:
        return date(year, month, day or monthrange(year, month)[1])
    except ValueError:  # for example because of a month above 12
        return None


def earliest_day(text: str) -> date | None:
    """Return the first day that a date, possibly without day or month, can mean."""
    year, month, day = _parse_date(text)
    try:
        return date(year, month or 1, day or 1)
    except ValueError:
        return None


def age_between(birth: date | None, study: date | None) -> float | None:
    """Return completed years from birth to study, or None if a date is unknown or implausible."""
    if birth is None or study is None:
        return None
    years = study.year - birth.year - ((study.month, study.day) < (birth.month, birth.day))
    return float(years) if 0 <= years <= OLDEST else None


def reconcile_ages(stated: float | None, by_dates: float | None) -> Age:
    """Return the age to use, which is the lower of two ages.

    Each of the two ages may be wrong. Scoring a patient below the age limit is worse than missing a
    film.
    """
    if stated is None or by_dates is None:
        return Age(by_dates if stated is None else stated)
    # A stated age has whole units, so a difference of 0.9 years is not a contradiction.
    return Age(min(stated, by_dates), abs(stated - by_dates) > _CONTRADICTION_YEARS)


def _number(digits: str) -> float:
    return float(digits.replace(",", "."))


def _plausible(years: float) -> float | None:
    return years if 0 < years <= OLDEST else None


def _parse_date(text: str) -> tuple[int, int, int]:
    """Return year, month and day, with 0 for a missing part, and only zeros for an invalid date."""
    match = _DATE.fullmatch(text.strip())
    return (int(match[1]), int(match[3] or 0), int(match[4] or 0)) if match else (0, 0, 0)
