"""Reading of a CSV table of bone densitometry, which is read completely or refused.

The columns are `patient_id`, `date`, and for each site a column such as `t_score_spine`. The table
needs a column `issuer` if the films have an Issuer of Patient ID.
"""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from node.domain.radiograph.pseudonym import Pseudonym
from node.replay.densitometry import Measurement

_SITE = re.compile(r"t_score_?([a-z0-9_]{0,32})")
_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")
_NUMBER = re.compile(r"[-+]?\d{1,2}(?:[.,]\d{1,4})?")
_EXTRA_CELLS = "\0"  # key of cells beyond the header; no column has this name
_MIN_T_SCORE, _MAX_T_SCORE = -10.0, 10.0


@dataclass(frozen=True, slots=True)
class TableFault:
    """A fault of a line; `reason` quotes no cell, because cells may contain patient data."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class DensitometryTable:
    """The measurements of a table, or the faults of the table."""

    measurements: tuple[Measurement, ...]
    faults: tuple[TableFault, ...]


class _BadCellError(ValueError):
    """Raised if a cell has an invalid value; the message names the column."""


def read_table(lines: Iterable[str], pseudonym: Pseudonym) -> DensitometryTable:
    """Return the measurements of a CSV table, separated by commas or semicolons.

    Repeated values of a patient, day and site must be equal. Pseudonyms replace patient IDs.
    """
    text = list(lines)
    header = text[0] if text else ""
    delimiter = ";" if header.count(";") > header.count(",") else ","
    reader = csv.DictReader(text, delimiter=delimiter, restkey=_EXTRA_CELLS, restval="")
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
    except csv.Error:
        return DensitometryTable((), (TableFault(1, "the header is not valid CSV"),))
    reader.fieldnames = names
    sites = {name: match[1] or "lowest" for name in names if (match := _SITE.fullmatch(name))}
    if missing := [name for name in ("patient_id", "date") if name not in names]:
        return DensitometryTable((), (TableFault(1, f"the column {missing[0]} is missing"),))
    if not sites:
        return DensitometryTable(
            (), (TableFault(1, "a column that begins with t_score is missing"),)
        )
    if len(set(names)) < len(names):
        return DensitometryTable((), (TableFault(1, "two columns have the same name"),))
    return _collect(_rows(reader, sites, pseudonym))


def _rows(
    reader: "csv.DictReader[str]", sites: Mapping[str, str], pseudonym: Pseudonym
) -> Iterator[tuple[int, list[Measurement] | str]]:
    """Yield the line number of each row, with its measurements or a reason for refusal."""
    while True:
        try:
            row = next(reader)
            yield reader.line_num, list(_measured(row, sites, pseudonym))
        except StopIteration:
            return
        except csv.Error:
            yield reader.line_num, "the line is not valid CSV"
        except _BadCellError as error:
            yield reader.line_num, str(error)


def _measured(
    row: Mapping[str, str], sites: Mapping[str, str], pseudonym: Pseudonym
) -> Iterator[Measurement]:
    if row.get(_EXTRA_CELLS):
        raise _BadCellError("the line has more cells than the header")
    patient = pseudonym(row.get("issuer", ""), row["patient_id"])
    if not patient:
        raise _BadCellError("patient_id is empty or a placeholder")
    scan_date = _day(row["date"].strip())
    cells = {site: row[name].strip() for name, site in sites.items() if row[name].strip()}
    if not cells:
        raise _BadCellError("the line has no T-score")
    for site, cell in cells.items():
        yield Measurement(patient, scan_date, site, _t_score(cell, site))


def _day(cell: str) -> date:
    match = _DAY.fullmatch(cell)
    if match is None:
        raise _BadCellError("date is not written as 2026-03-01 or 20260301")
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise _BadCellError("date is not a calendar day") from None


def _t_score(cell: str, site: str) -> float:
    if not _NUMBER.fullmatch(cell):
        raise _BadCellError(f"the T-score of {site} is not a number")
    value = float(cell.replace(",", "."))
    if not math.isfinite(value) or not _MIN_T_SCORE <= value <= _MAX_T_SCORE:
        raise _BadCellError(f"the T-score of {site} is not between -10 and 10")
    return value


def _collect(rows: Iterable[tuple[int, Sequence[Measurement] | str]]) -> DensitometryTable:
    by_key: dict[tuple[str, date, str], Measurement] = {}
    faults = []
    for line, row in rows:
        if isinstance(row, str):
            faults.append(TableFault(line, row))
            continue
        for measurement in row:
            key = (measurement.patient, measurement.day, measurement.site)
            first = by_key.setdefault(key, measurement)
            if first.t_score != measurement.t_score:
                site = measurement.site
                reason = f"another line has another T-score of {site} for this patient and day"
                faults.append(TableFault(line, reason))
    if faults or not by_key:
        return DensitometryTable((), tuple(faults) or (TableFault(1, "the table has no rows"),))
    return DensitometryTable(tuple(by_key.values()), ())
