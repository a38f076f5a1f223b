"""A table of densitometry is read completely or not at all."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.replay.densitometry import Measurement
from node.replay.densitometry_csv import TableFault, read_table

HEADER = "patient_id,date,t_score_spine,t_score_neck"


def name(issuer: str, patient_id: str) -> str:
    """Return a readable pseudonym."""
    return f"{issuer}/{patient_id}" if patient_id else ""


def read(*lines: str):  # type: ignore[no-untyped-def]
    return read_table([f"{line}\n" for line in lines], name)


def test_every_t_score_is_a_measurement() -> None:
    """An empty cell means that the site was not measured."""
    table = read(HEADER, "P1,2026-03-01,-2.5,-1", "P2,20260302,,+0.4")
    assert table.faults == ()
    assert table.measurements == (
        Measurement("/P1", date(2026, 3, 1), "spine", -2.5),
        Measurement("/P1", date(2026, 3, 1), "neck", -1.0),
        Measurement("/P2", date(2026, 3, 2), "neck", 0.4),
    )


def test_a_table_of_a_german_spreadsheet_is_read() -> None:
    """The German table has semicolons, decimal commas, capitals, an issuer and an extra column."""
    table = read("Patient_ID;Issuer;Date;T_Score;Name", "P1;KH;2026-03-01;-2,5;Doe")
    assert table.measurements == (Measurement("KH/P1", date(2026, 3, 1), "lowest", -2.5),)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",2026-03-01,-2.5,", "patient_id is empty or a placeholder"),
        ("P1,01.03.2026,-2.5,", "date is not written as 2026-03-01 or 20260301"),
        ("P1,2026-02-30,-2.5,", "date is not a calendar day"),
        ("P1,2026-03-01,low,", "the T-score of spine is not a number"),
        ("P1,2026-03-01,,nan", "the T-score of neck is not a number"),
        ("P1,2026-03-01,-25,", "the T-score of spine is not between -10 and 10"),
        ("P1,2026-03-01,,", "the line has no T-score"),
        ("P1,2026-03-01", "the line has no T-score"),
        ("P1,2026-03-01,-2.5,-1,Doe", "the line has more cells than the header"),
        ("", None),
    ],
)
def test_a_faulty_line_is_reported_and_nothing_is_read(line: str, reason: str | None) -> None:
    """The error has a line number and a reason but quotes no cell, and empty lines are skipped."""
    table = read(HEADER, "P9,2026-03-01,-1,-1", line)
    assert table.faults == ((TableFault(3, reason),) if reason else ())
    assert len(table.measurements) == (0 if reason else 2)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("id,date,t_score", "the column patient_id is missing"),
        ("patient_id,day,t_score", "the column date is missing"),
        ("patient_id,date,z_score", "a column that begins with t_score is missing"),
        ("patient_id,date,t_score,T_SCORE", "two columns have the same name"),
        ("", "the column patient_id is missing"),
    ],
)
def test_a_table_without_its_columns_is_refused(header: str, reason: str) -> None:
    assert read(header, "1,2,3,4").faults == (TableFault(1, reason),)


def test_an_empty_table_is_a_fault() -> None:
    """Someone who imports a table expects rows, so an empty table is an error."""
    assert read(HEADER).faults == (TableFault(1, "the table has no rows"),)
    assert read().faults == (TableFault(1, "the column patient_id is missing"),)


def test_a_site_has_one_t_score_per_day() -> None:
    """A repeated equal T-score of a day is accepted; a different T-score is an error."""
    twice = read(HEADER, "P1,2026-03-01,-2.5,", "P1,2026-03-01,-2.5,")
    assert len(twice.measurements) == 1
    differing = read(HEADER, "P1,2026-03-01,-2.5,", "P1,2026-03-01,-2.6,")
    reason = "another line has another T-score of spine for this patient and day"
    assert differing.faults == (TableFault(3, reason),)


@given(st.lists(st.text(), max_size=6))
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    """Any text gives either measurements or errors."""
    for first in ([], [HEADER]):
        table = read(*first, *lines)
        assert bool(table.measurements) != bool(table.faults)
