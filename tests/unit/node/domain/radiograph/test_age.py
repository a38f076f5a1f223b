"""Ages as films state them, and as dates imply them."""

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
        ("written", "years"),
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
    def test_every_form_seen_in_practice(self, written: str, years: float) -> None:
        """PS3.5 wants three digits and a unit; films have fewer or more, no unit, or a word."""
        assert parse_age(written) == pytest.approx(years)

    @pytest.mark.parametrize("written", ["000Y", "000", "0", "000D", "0Y"])
    def test_zero_is_what_de_identifiers_write(self, written: str) -> None:
        """It means "removed", never a newborn: the film of a newborn would be refused by age."""
        assert parse_age(written) is None

    @pytest.mark.parametrize(
        "written",
        [
            *("", " ", "Y", "067X", "-67Y", "sixty", "6 7Y", "67Y 11", "67Y 068X", "067Y\\068Y"),
            *("1067Y", "121Y", "999Y", "45000D", "1950", "067Y067Y067Y067Y", "\u0666\u0667Y"),
        ],
    )
    def test_what_is_no_age_is_unknown(self, written: str) -> None:
        """Nothing is guessed from it."""
        assert parse_age(written) is None

    @given(st.integers(1, 999), st.sampled_from("DWMY"))
    def test_what_the_standard_allows_is_understood(self, number: int, unit: str) -> None:
        """Days, weeks and months never come out as more than the same number of years."""
        years = parse_age(f"{number:03}{unit}")
        if unit == "Y" and number > OLDEST:
            assert years is None
        else:
            assert years is not None
            assert 0 < years <= number
            assert (years == number) == (unit == "Y")

    @given(st.text())
    def test_any_text_is_survived(self, text: str) -> None:
        """Patient's Age comes from a peer: it may hold anything."""
        years = parse_age(text)
        assert years is None or 0 < years <= OLDEST


class TestDates:
    @pytest.mark.parametrize(
        ("written", "first", "last"),
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
    def test_what_is_not_written_could_be_any(self, written: str, first: date, last: date) -> None:
        """The old form of ACR-NEMA, one of web forms, and dates of which a part is unknown."""
        assert (earliest_day(written), latest_day(written)) == (first, last)

    @pytest.mark.parametrize(
        "written",
        [
            *("", "0000", "00000000", "19509999", "19500230", "31011950", "1950-0131"),
            *("1950.01-31", "19500101-19510101", "soon", "\u0661\u0669\u0665\u0660"),
        ],
    )
    def test_what_is_no_date_is_none(self, written: str) -> None:
        """No day is guessed, not even where the year could be."""
        assert (earliest_day(written), latest_day(written)) == (None, None)

    @given(st.text())
    def test_any_text_is_survived(self, text: str) -> None:
        """Dates come from a peer."""
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
    def test_the_younger_counts(
        self, stated: float | None, by_dates: float | None, expected: Age
    ) -> None:
        """Nobody under the limit is scored for one wrong tag; a clear difference is said."""
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
        """As people count: one more on each birthday."""
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
    def test_dates_that_make_no_sense_give_none(
        self, birth: date | None, study: date | None
    ) -> None:
        """Unborn at the time of the film, or older than anyone, is a typing error or a dummy."""
        assert age_between(birth, study) is None

    @given(st.dates(), st.dates())
    def test_never_absurd(self, birth: date, study: date) -> None:
        """Whatever the dates, the age is one that a person can have."""
        years = age_between(birth, study)
        assert years is None or 0 <= years <= 120
        if years is not None:
            assert birth <= study
