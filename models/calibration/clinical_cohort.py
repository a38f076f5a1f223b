"""Read the people for the clinical fit from the NHANES table or from a manifest."""

import csv
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from reprlib import repr as short
from typing import Final

import numpy as np
import numpy.typing as npt

from models.clinical.model import MALE, SEXES, Float
from models.io.errors import InputError

YOUNGEST: Final = 50.0
"""T-scores diagnose osteoporosis in women after the menopause and in men from the age of 50."""

OLDEST: Final = 110.0
"""Highest age in years that is accepted; a higher age is an error."""

OSTEOPOROSIS: Final = -2.5
"""World Health Organization: osteoporosis is a T-score at or below this value."""

NHANES_CEILING: Final = 80.0

FITTED_SPLIT: Final = "train"


class Label(StrEnum):
    """Definition of osteoporosis."""

    FEMORAL_NECK = "femoral-neck"
    ANY_SITE = "any-site"
    MANIFEST = "manifest"


LABELS: Final[Mapping[Label, str]] = {
    Label.FEMORAL_NECK: "a femoral-neck T-score at or under -2.5",
    Label.ANY_SITE: "a T-score at or under -2.5 at femoral neck, hip or lumbar spine",
    Label.MANIFEST: "osteoporosis as the manifest labels it",
}

_SITES: Final[Mapping[Label, tuple[str, ...]]] = {
    Label.FEMORAL_NECK: ("fn_t",),
    Label.ANY_SITE: ("fn_t", "th_t", "ls_t"),
    Label.MANIFEST: ("label",),
}
_BODY: Final = ("sex", "weight_kg", "height_cm")


class TableError(InputError):
    """The table cannot be used. The message states the path, the line or column, and the remedy."""


@dataclass(frozen=True)
class People:
    """Complete rows of a table; all arrays are (n,).

    ``weight`` is the sampling weight, with mean 1. ``cluster`` is the number of the sampling unit,
    which is a survey's primary unit or a patient. ``stratum`` is the number of the sampling
    unit's stratum. ``left_out`` counts the excluded rows by cause.
    """

    age: Float
    male: Float
    weight_kg: Float
    height_cm: Float
    positive: npt.NDArray[np.bool_]
    weight: Float
    cluster: npt.NDArray[np.intp]
    stratum: npt.NDArray[np.intp]
    label: Label
    population: str
    age_ceiling: float | None
    left_out: Mapping[str, int]


Row = Mapping[str, str]


@dataclass(frozen=True)
class _Kind:
    """A kind of table: its columns for age and sampling design, and its population."""

    age: str
    design: tuple[str, ...]
    population: str
    ceiling: float | None


_SURVEY = _Kind(
    "age_years",
    ("wtmec2yr", "sdmvstra", "sdmvpsu"),
    "US adults of 50 and more (NHANES 2013-2014)",
    NHANES_CEILING,
)
_MANIFEST = _Kind(
    "age", ("patient_id",), "patients of 50 and more of a manifest's training split", None
)


def read_people(path: Path, label: Label | None = None) -> People:
    """Read people aged at least ``YOUNGEST`` years from NHANES or a manifest's training split.

    Incomplete rows are excluded and counted. The default label is the femoral neck for NHANES, and
    the column ``label`` for a manifest. Raises TableError.
    """
    columns, rows = _read(path)
    kind = _MANIFEST if {"patient_id", "label"} & set(columns) else _SURVEY
    label = label or (Label.FEMORAL_NECK if kind is _SURVEY else Label.MANIFEST)
    if (label is Label.MANIFEST) is (kind is _SURVEY):
        raise TableError(f"{path}: this table has no label {str(label)!r}; omit --label")
    sites = _SITES[label]
    for column in (kind.age, *_BODY, *sites, *kind.design):
        if column not in columns:
            raise TableError(f"{path} has no column {column!r}; add it, or use another table")
    complete, left_out = _complete_rows(path, rows, kind, sites)
    columns = [kind.age, *_BODY[1:], *sites]
    table = np.array([[_number(path, *row, column) for column in columns] for row in complete])
    weight, cluster, stratum = _design(path, complete, kind)
    return People(
        # The clinical model of a bundle applies the same ceiling.
        age=np.minimum(table[:, 0], math.inf if kind.ceiling is None else kind.ceiling),
        male=np.array([row["sex"] == MALE for _, row in complete], np.float64),
        weight_kg=table[:, 1],
        height_cm=table[:, 2],
        positive=_positive(path, complete, table[:, 3:], label),
        weight=weight,
        cluster=cluster,
        stratum=stratum,
        label=label,
        population=kind.population,
        age_ceiling=kind.ceiling,
        left_out=left_out,
    )


def _read(path: Path) -> tuple[list[str], list[tuple[int, Row]]]:
    """Return the columns, and each row with its line number."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="", restval="")
            rows: list[tuple[int, Row]] = [
                (reader.line_num, {key: text.strip() for key, text in row.items() if key})
                for row in reader
            ]
            return list(reader.fieldnames or ()), rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path} cannot be read as CSV ({error}); check the path") from error


def _complete_rows(
    path: Path, rows: list[tuple[int, Row]], kind: _Kind, sites: tuple[str, ...]
) -> tuple[list[tuple[int, Row]], dict[str, int]]:
    """Return the complete rows, and the number of excluded rows by their first cause."""
    complete, excluded = [], Counter[str]()
    for line, row in rows:
        if kind is _MANIFEST and row.get("split", FITTED_SPLIT) != FITTED_SPLIT:
            excluded["of another split"] += 1
        elif not all(row[column] for column in kind.design):
            excluded["no survey weight" if kind is _SURVEY else "no patient_id"] += 1
        elif row["sex"] not in SEXES or not all(row[name] for name in (kind.age, *_BODY, *sites)):
            excluded["a value is missing"] += 1
        elif not YOUNGEST <= _number(path, line, row, kind.age) <= OLDEST:
            excluded["younger than 50 or older than 110"] += 1
        else:
            complete.append((line, row))
    if not complete:
        raise TableError(f"{path} has no complete row of a person of 50 to 110; check its rows")
    return complete, dict(excluded)


def _number(path: Path, line: int, row: Row, column: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TableError(f"{path}, line {line}: {column} is {short(row[column])}, not a number")
    return value


def _positive(
    path: Path, rows: list[tuple[int, Row]], values: Float, label: Label
) -> npt.NDArray[np.bool_]:
    if label is not Label.MANIFEST:
        return np.asarray((values <= OSTEOPOROSIS).any(axis=1))
    for (line, row), value in zip(rows, values[:, 0], strict=True):
        if value not in (0.0, 1.0):
            raise TableError(
                f"{path}, line {line}: label is {short(row['label'])}, neither 0 nor 1"
            )
    return np.asarray(values[:, 0] == 1.0)


def _design(
    path: Path, rows: list[tuple[int, Row]], kind: _Kind
) -> tuple[Float, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return each row's weight (the mean is 1), cluster number and stratum number, (n,) each."""
    units = np.array([[row[column] for column in kind.design] for _, row in rows])
    if kind is _MANIFEST:
        patients = np.unique(units[:, 0], return_inverse=True)[1]
        return np.ones(len(rows)), patients, np.zeros(len(rows), np.intp)
    weight = np.array([_number(path, *row, kind.design[0]) for row in rows])
    if not (weight > 0).all():
        raise TableError(f"{path}: every {kind.design[0]} must be above zero")
    stratum = np.unique(units[:, 1], return_inverse=True)[1]
    cluster = np.unique(units[:, 1:], axis=0, return_inverse=True)[1]
    return weight / weight.mean(), cluster, stratum
