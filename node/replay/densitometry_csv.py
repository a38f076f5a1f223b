"""A table of bone densitometry, as hospitals export it: read whole, or refused by its lines.

Columns `patient_id` and `date`, `issuer` where the films have an Issuer of Patient ID, and one
for each site, whose name begins with `t_score`: `t_score_spine`, `t_score_neck`, `t_score_hip`.
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
_BEYOND = "\0"  # the key of cells beyond the header, which no column has
_LOWEST, _HIGHEST = -10.0, 10.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line of the table. It quotes nothing: cells hold names and numbers."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """A whole table: its measurements where it has no faults, and none where it has."""

    measurements: tuple[Measurement, ...]
    faults: tuple[Fault, ...]


class _BadCellError(ValueError):
    """A cell that cannot be meant; the message names its column."""


def read_table(lines: Iterable[str], pseudonym: Pseudonym) -> Table:
    """Return the measurements of a CSV table, separated by commas or semicolons.

    Of a patient, day and site that stand there twice, the values must be the same. Patients are
    known by pseudonym from here on.
    """
    text = list(lines)
    header = text[0] if text else ""
    delimiter = ";" if header.count(";") > header.count(",") else ","
    reader = csv.DictReader(text, delimiter=delimiter, restkey=_BEYOND, restval="")
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
    except csv.Error:
        return Table((), (Fault(1, "the header is no CSV"),))
    reader.fieldnames = names
    sites = {name: found[1] or "lowest" for name in names if (found := _SITE.fullmatch(name))}
    if missing := [name for name in ("patient_id", "date") if name not in names]:
        return Table((), (Fault(1, f"there is no column {missing[0]}"),))
    if not sites:
        return Table((), (Fault(1, "there is no column that begins with t_score"),))
    if len(set(names)) < len(names):
        return Table((), (Fault(1, "two columns have the same name"),))
    return _collected(_rows(reader, sites, pseudonym))


def _rows(
    reader: "csv.DictReader[str]", sites: Mapping[str, str], pseudonym: Pseudonym
) -> Iterator[tuple[int, list[Measurement] | str]]:
    """Yield each row's line, with its measurements or with what is wrong."""
    while True:
        try:
            row = next(reader)
            yield reader.line_num, list(_measured(row, sites, pseudonym))
        except StopIteration:
            return
        except csv.Error:
            yield reader.line_num, "the line is no CSV"
        except _BadCellError as error:
            yield reader.line_num, str(error)


def _measured(
    row: Mapping[str, str], sites: Mapping[str, str], pseudonym: Pseudonym
) -> Iterator[Measurement]:
    if row.get(_BEYOND):
        raise _BadCellError("the line has more cells than the header")
    patient = pseudonym(row.get("issuer", ""), row["patient_id"])
    if not patient:
        raise _BadCellError("patient_id is empty, or stands for nobody in particular")
    taken = _day(row["date"].strip())
    stated = {site: row[name].strip() for name, site in sites.items() if row[name].strip()}
    if not stated:
        raise _BadCellError("the line has no T-score")
    for site, cell in stated.items():
        yield Measurement(patient, taken, site, _t_score(cell, site))


def _day(cell: str) -> date:
    match = _DAY.fullmatch(cell)
    if match is None:
        raise _BadCellError("date is not written as 2026-03-01 or 20260301")
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise _BadCellError("date is no day of the calendar") from None


def _t_score(cell: str, site: str) -> float:
    if not _NUMBER.fullmatch(cell):
        raise _BadCellError(f"the T-score of {site} is no number")
    value = float(cell.replace(",", "."))
    if not math.isfinite(value) or not _LOWEST <= value <= _HIGHEST:
        raise _BadCellError(f"the T-score of {site} is not between -10 and 10")
    return value


def _collected(rows: Iterable[tuple[int, Sequence[Measurement] | str]]) -> Table:
    found: dict[tuple[str, date, str], Measurement] = {}
    faults = []
    for line, row in rows:
        if isinstance(row, str):
            faults.append(Fault(line, row))
            continue
        for one in row:
            before = found.setdefault((one.patient, one.taken, one.site), one)
            if before.t_score != one.t_score:
                reason = f"another line has another T-score of {one.site} for patient and day"
                faults.append(Fault(line, reason))
    if faults or not found:
        return Table((), tuple(faults) or (Fault(1, "the table has no rows"),))
    return Table(tuple(found.values()), ())
