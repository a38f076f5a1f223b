"""Manifests: a CSV that lists films with their patients, hospitals, splits and labels.

One row for each film. ``path`` is relative to the CSV's own folder. Whatever is wrong is refused
as one ``ManifestError`` that names every row or patient concerned, before anything is written.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from reprlib import repr as short

from models.dataset.checks import faults
from models.dataset.entry import Entry, FilmOrigin, ManifestError, Sex, Split, refuse

REQUIRED = ("path", "patient_id", "site", "split", "label")


COLUMNS = tuple(field.name for field in fields(Entry) if field.name != "row")
"""Every column that a manifest may have; others are left alone."""

_NUMBERS: Mapping[str, tuple[float, float]] = {
    "t_score": (-12.0, 12.0),
    "age": (0.0, 125.0),
    "weight_kg": (10.0, 400.0),
    "height_cm": (50.0, 250.0),
}


@dataclass(frozen=True)
class Manifest:
    """The films of ``file``, in its order."""

    file: Path
    entries: tuple[Entry, ...]

    def of(self, *splits: Split) -> tuple[Entry, ...]:
        """Films of these splits, in order."""
        return tuple(entry for entry in self.entries if entry.split in splits)

    @property
    def sites(self) -> tuple[str, ...]:
        """Hospitals in the order of their first film."""
        return tuple(dict.fromkeys(entry.site for entry in self.entries))

    @property
    def home_sites(self) -> frozenset[str]:
        """Hospitals that gave films to train or to validate on."""
        return frozenset(entry.site for entry in self.of(Split.TRAIN, Split.VALIDATION))

    @property
    def origin(self) -> FilmOrigin | None:
        """Simulated if any film is; None where a row leaves it open."""
        origins = {entry.origin for entry in self.entries}
        if FilmOrigin.SIMULATED in origins:
            return FilmOrigin.SIMULATED
        return None if None in origins else FilmOrigin.PATIENT


def read_manifest(file: Path, *, labelled: bool = True) -> Manifest:
    """Read and validate ``file``. Raises ManifestError.

    Unless ``labelled``, films may all have one label, since nothing is made of it. Pixels are not
    looked at: see ``evaluation.scores`` for films that do not decode.
    """
    rows = _read_rows(file)
    entries = tuple(_parse_all(rows, file.parent))
    for problem, where in faults(entries, labelled=labelled):
        raise refuse(problem, where)
    return Manifest(file, entries)


def write_manifest(file: Path, entries: Iterable[Entry]) -> None:
    """Write a manifest that ``read_manifest`` reads back; whole or not at all."""
    part = file.with_name(file.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for entry in entries:
            writer.writerow({name: cell(getattr(entry, name), file.parent) for name in COLUMNS})
    part.replace(file)


def _read_rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restval="")
            missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
            if missing:
                raise refuse(f"{file} lacks the column", missing)
            rows = [
                (
                    reader.line_num,
                    {key: cell.strip() for key, cell in row.items() if key in COLUMNS},
                )
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{file} cannot be read as a CSV in UTF-8 ({error})") from error
    if not rows:
        raise ManifestError(f"{file} lists no film")
    return rows


def _parse_all(rows: Sequence[tuple[int, dict[str, str]]], folder: Path) -> Iterable[Entry]:
    """Entries of the rows; every bad cell of all rows is named in one error."""
    entries, bad = [], []
    for number, cells in rows:
        try:
            entries.append(_parse(number, cells, folder))
        except _Cell as fault:
            bad.append(f"row {number} ({fault})")
    if bad:
        raise refuse("bad values", bad)
    return entries


class _Cell(Exception):
    """A value that its column does not allow."""


def _parse(row: int, cells: Mapping[str, str], folder: Path) -> Entry:
    for name in ("path", "patient_id", "site", "split"):
        if not cells[name]:
            raise _Cell(f"no {name}")
    if any("\0" in text for text in cells.values()):
        raise _Cell("a NUL among its characters")
    numbers = {name: _number(cells, name) for name in _NUMBERS}
    sex, origin = _word(cells, "sex", Sex), _word(cells, "origin", FilmOrigin)
    return Entry(
        path=folder / cells["path"],
        patient_id=cells["patient_id"],
        site=cells["site"],
        split=Split(_word(cells, "split", Split)),
        label=_label(cells["label"]),
        t_score=numbers["t_score"],
        age=numbers["age"],
        sex=Sex(sex) if sex else None,
        weight_kg=numbers["weight_kg"],
        height_cm=numbers["height_cm"],
        view=cells.get("view", "").upper() or None,
        mask=folder / cells["mask"] if cells.get("mask") else None,
        origin=FilmOrigin(origin) if origin else None,
        row=row,
    )


def _label(text: str) -> bool:
    if text not in ("0", "1"):
        raise _Cell(f"label {short(text)} is neither 0 nor 1")
    return text == "1"


def _word(cells: Mapping[str, str], name: str, allowed: type[StrEnum]) -> str:
    text = cells.get(name, "")
    for word in allowed:
        if word.lower() == text.lower():
            return word
    if text:
        raise _Cell(f"{name} {short(text)} is none of {', '.join(allowed)}")
    return ""


def _number(cells: Mapping[str, str], name: str) -> float | None:
    text = cells.get(name, "")
    if not text:
        return None
    low, high = _NUMBERS[name]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise _Cell(f"{name} {short(text)} is not a number from {low:g} to {high:g}")
    return number


def cell(value: object, folder: Path) -> str:
    """A value as a manifest in ``folder`` writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Path):
        # Relative where the film lies under the manifest, so that both can move together.
        return str(value.relative_to(folder) if value.is_relative_to(folder) else value)
    return str(value)
