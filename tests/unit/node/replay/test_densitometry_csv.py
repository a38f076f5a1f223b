"""A hospital's table of densitometry: read whole, or refused by its lines."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.replay.densitometry import Measurement
from node.replay.densitometry_csv import Fault, read_table

HEADER = "patient_id,date,t_score_spine,t_score_neck"


def name(issuer: str, patient_id: str) -> str:
    """Stand for a pseudonym that can be read."""
    return f"{issuer}/{patient_id}" if patient_id else ""


def read(*lines: str):  # type: ignore[no-untyped-def]
    return read_table([f"{line}\n" for line in lines], name)


def test_every_t_score_is_a_measurement() -> None:
    """An empty cell is a site that was not measured."""
    table = read(HEADER, "P1,2026-03-01,-2.5,-1", "P2,20260302,,+0.4")
    assert table.faults == ()
    assert table.measurements == (
        Measurement("/P1", date(2026, 3, 1), "spine", -2.5),
        Measurement("/P1", date(2026, 3, 1), "neck", -1.0),
        Measurement("/P2", date(2026, 3, 2), "neck", 0.4),
    )


def test_as_a_german_spreadsheet_writes_it() -> None:
    """Semicolons, decimal commas, capitals, an issuer, a column more."""
    table = read("Patient_ID;Issuer;Date;T_Score;Name", "P1;KH;2026-03-01;-2,5;Doe")
    assert table.measurements == (Measurement("KH/P1", date(2026, 3, 1), "lowest", -2.5),)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",2026-03-01,-2.5,", "patient_id is empty, or stands for nobody in particular"),
        ("P1,01.03.2026,-2.5,", "date is not written as 2026-03-01 or 20260301"),
        ("P1,2026-02-30,-2.5,", "date is no day of the calendar"),
        ("P1,2026-03-01,low,", "the T-score of spine is no number"),
        ("P1,2026-03-01,,nan", "the T-score of neck is no number"),
        ("P1,2026-03-01,-25,", "the T-score of spine is not between -10 and 10"),
        ("P1,2026-03-01,,", "the line has no T-score"),
        ("P1,2026-03-01", "the line has no T-score"),
        ("P1,2026-03-01,-2.5,-1,Doe", "the line has more cells than the header"),
        ("", None),
    ],
)
def test_a_bad_line_is_told_and_nothing_is_read(line: str, reason: str | None) -> None:
    """By number and reason, and without a word of what stands in it; an empty line is none."""
    table = read(HEADER, "P9,2026-03-01,-1,-1", line)
    assert table.faults == ((Fault(3, reason),) if reason else ())
    assert len(table.measurements) == (0 if reason else 2)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("id,date,t_score", "there is no column patient_id"),
        ("patient_id,day,t_score", "there is no column date"),
        ("patient_id,date,z_score", "there is no column that begins with t_score"),
        ("patient_id,date,t_score,T_SCORE", "two columns have the same name"),
        ("", "there is no column patient_id"),
    ],
)
def test_a_table_without_its_columns_is_refused(header: str, reason: str) -> None:
    assert read(header, "1,2,3,4").faults == (Fault(1, reason),)


def test_an_empty_table_is_a_fault() -> None:
    """Whoever imports it expects something to happen."""
    assert read(HEADER).faults == (Fault(1, "the table has no rows"),)
    assert read().faults == (Fault(1, "there is no column patient_id"),)


def test_one_site_of_one_day_has_one_t_score() -> None:
    """Twice the same is once; another value is a question that nobody here can answer."""
    twice = read(HEADER, "P1,2026-03-01,-2.5,", "P1,2026-03-01,-2.5,")
    assert len(twice.measurements) == 1
    other = read(HEADER, "P1,2026-03-01,-2.5,", "P1,2026-03-01,-2.6,")
    reason = "another line has another T-score of spine for patient and day"
    assert other.faults == (Fault(3, reason),)


@given(st.lists(st.text(), max_size=6))
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    """Whatever somebody exports, or thinks is a CSV; both at once never."""
    for first in ([], [HEADER]):
        table = read(*first, *lines)
        assert bool(table.measurements) != bool(table.faults)
