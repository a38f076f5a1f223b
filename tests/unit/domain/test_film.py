"""Ages as films state them, and as dates imply them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.film import age_between, parse_age


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
        ],
    )
    def test_every_form_seen_in_practice(self, written: str, years: float) -> None:
        """PS3.5 wants three digits and a unit; films have fewer digits, or no unit for years."""
        assert parse_age(written) == pytest.approx(years)

    @pytest.mark.parametrize("written", ["000Y", "000", "0", "000D", "0Y"])
    def test_zero_is_what_de_identifiers_write(self, written: str) -> None:
        """It means "removed", never a newborn: the film of a newborn would be refused by age."""
        assert parse_age(written) is None

    @pytest.mark.parametrize(
        "written", ["", " ", "Y", "067X", "1067Y", "6 7Y", "-67Y", "67.5Y", "sixty", "067Y\\068Y"]
    )
    def test_what_is_no_age_is_unknown(self, written: str) -> None:
        """Nothing is guessed from it."""
        assert parse_age(written) is None

    @given(st.integers(1, 999), st.sampled_from("DWMY"))
    def test_what_the_standard_allows_is_understood(self, number: int, unit: str) -> None:
        """Days, weeks and months never come out as more than the same number of years."""
        years = parse_age(f"{number:03}{unit}")
        assert years is not None
        assert 0 < years <= number
        assert (years == number) == (unit == "Y")

    @given(st.text())
    def test_any_text_is_survived(self, text: str) -> None:
        """Patient's Age comes from a peer: it may hold anything."""
        years = parse_age(text)
        assert years is None or 0 < years <= 999


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
