"""A film's age comes from Patient's Age or from two dates."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.radiograph.age import (
    OLDEST,
    Age,
    age_between,
    earliest_day,
    latest_day,
    parse_age,
    reconcile_ages,
)


class TestStatedAge:
    @pytest.mark.parametrize(
        ("text", "years"),
        [
            ("067Y", 67.0),
            ("67Y", 67.0),
            ("067y", 67.0),
            (" 067Y ", 67.0),
            ("81", 81.0),
            ("62", 62.0),
            ("100Y", 100.0),
            ("006M", 0.5),
            ("120M", 10.0),
            ("052W", 52 * 7 / 365.25),
            ("014D", 14 / 365.25),
            ("67 Y", 67.0),
            ("67J", 67.0),
            ("67 Jahre", 67.0),
            ("67A", 67.0),
            ("67 años", 67.0),
            ("67 ans", 67.0),
            ("67y/o", 67.0),
            ("67 yrs.", 67.0),
            ("67岁", 67.0),
            ("67歳", 67.0),
            ("67세", 67.0),
            ("\uff16\uff17\uff39", 67.0),
            ("67.5Y", 67.5),
            ("49,5 J", 49.5),
            ("49Y11M", 49 + 11 / 12),
            ("49 years 11 months", 49 + 11 / 12),
            ("804M", 67.0),
            ("588M", 49.0),
            ("18个月", 1.5),
            ("3500W", 3500 * 7 / 365.25),
            ("024000D", 24000 / 365.25),
            ("9 Tage", 9 / 365.25),
        ],
    )
    def test_forms_found_in_practice(self, text: str, years: float) -> None:
        """PS3.5 requires three digits and a unit; films have other numbers of digits, or words."""
        assert parse_age(text) == pytest.approx(years)

    @pytest.mark.parametrize("text", ["000Y", "000", "0", "000D", "0Y"])
    def test_zero_is_unknown(self, text: str) -> None:
        """De-identifiers write zero in place of a removed age."""
        assert parse_age(text) is None

    @pytest.mark.parametrize(
        "text",
        [
            *("", " ", "Y", "067X", "-67Y", "sixty", "6 7Y", "67Y 11", "67Y 068X", "067Y\\068Y"),
            *("1067Y", "121Y", "999Y", "45000D", "1950", "067Y067Y067Y067Y", "\u0666\u0667Y"),
        ],
    )
    def test_an_invalid_age_is_unknown(self, text: str) -> None:
        """An age is never guessed from an invalid text."""
        assert parse_age(text) is None

    @given(st.integers(1, 999), st.sampled_from("DWMY"))
    def test_every_age_of_the_standard_is_read(self, number: int, unit: str) -> None:
        """Ages in days, weeks or months are converted to years."""
        years = parse_age(f"{number:03}{unit}")
        if unit == "Y" and number > OLDEST:
            assert years is None
        else:
            assert years is not None
            assert 0 < years <= number
            assert (years == number) == (unit == "Y")

    @given(st.text())
    def test_no_text_raises_an_error(self, text: str) -> None:
        """The text of an age comes from a peer and may contain anything."""
        years = parse_age(text)
        assert years is None or 0 < years <= OLDEST


class TestDates:
    @pytest.mark.parametrize(
        ("text", "first", "last"),
        [
            ("19500131", date(1950, 1, 31), date(1950, 1, 31)),
            ("1950.01.31", date(1950, 1, 31), date(1950, 1, 31)),
            ("1950-01-31", date(1950, 1, 31), date(1950, 1, 31)),
            (" 19500131 ", date(1950, 1, 31), date(1950, 1, 31)),
            ("195206", date(1952, 6, 1), date(1952, 6, 30)),
            ("1952-02", date(1952, 2, 1), date(1952, 2, 29)),
            ("1950", date(1950, 1, 1), date(1950, 12, 31)),
            ("19500000", date(1950, 1, 1), date(1950, 12, 31)),
        ],
    )
    def test_a_missing_part_may_have_any_value(self, text: str, first: date, last: date) -> None:
        """Dates may follow DICOM, ACR-NEMA or ISO 8601, and may lack the day or the month."""
        assert (earliest_day(text), latest_day(text)) == (first, last)

    @pytest.mark.parametrize(
        "text",
        [
            *("", "0000", "00000000", "19509999", "19500230", "31011950", "1950-0131"),
            *("1950.01-31", "19500101-19510101", "soon", "\u0661\u0669\u0665\u0660"),
        ],
    )
    def test_an_invalid_date_is_none(self, text: str) -> None:
        """No part of an invalid date is used."""
        assert (earliest_day(text), latest_day(text)) == (None, None)

    @given(st.text())
    def test_no_text_raises_an_error(self, text: str) -> None:
        """The text of a date comes from a peer and may contain anything."""
        first, last = earliest_day(text), latest_day(text)
        assert first is None or last is None or first <= last


class TestTwoSources:
    @pytest.mark.parametrize(
        ("stated", "by_dates", "expected"),
        [
            (67.0, None, Age(67.0)),
            (None, 70.0, Age(70.0)),
            (None, None, Age(None)),
            (67.0, 67.0, Age(67.0)),
            (50.0, 49.0, Age(49.0)),
            (67.0, 69.0, Age(67.0)),
            (67.0, 30.0, Age(30.0, contradicted=True)),
            (30.0, 100.0, Age(30.0, contradicted=True)),
        ],
    )
    def test_the_lower_age_counts(
        self, stated: float | None, by_dates: float | None, expected: Age
    ) -> None:
        """A difference of more than two years between the ages is a contradiction."""
        assert reconcile_ages(stated, by_dates) == expected


class TestAgeFromDates:
    @pytest.mark.parametrize(
        ("birth", "study", "years"),
        [
            (date(1950, 6, 15), date(2020, 6, 14), 69.0),
            (date(1950, 6, 15), date(2020, 6, 15), 70.0),
            (date(1952, 2, 29), date(2021, 2, 28), 68.0),
            (date(1952, 2, 29), date(2021, 3, 1), 69.0),
            (date(2020, 6, 15), date(2020, 6, 15), 0.0),
            (date(1900, 1, 1), date(2020, 1, 1), 120.0),
        ],
    )
    def test_completed_years(self, birth: date, study: date, years: float) -> None:
        """The age increases by one year on each birthday."""
        assert age_between(birth, study) == years

    @pytest.mark.parametrize(
        ("birth", "study"),
        [
            (None, date(2020, 1, 1)),
            (date(1950, 1, 1), None),
            (None, None),
            (date(2020, 6, 15), date(2020, 6, 14)),
            (date(1850, 1, 1), date(2020, 1, 1)),
        ],
    )
    def test_implausible_dates_give_no_age(self, birth: date | None, study: date | None) -> None:
        """A birth after the film, or more than 120 years before the film, is an error."""
        assert age_between(birth, study) is None

    @given(st.dates(), st.dates())
    def test_an_age_is_always_plausible(self, birth: date, study: date) -> None:
        """Any two dates give an age from 0 to 120 years, or no age."""
        years = age_between(birth, study)
        assert years is None or 0 <= years <= 120
        if years is not None:
            assert birth <= study
