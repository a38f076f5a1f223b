"""Manifests are CSV files that list films with patient, hospital, split and label.

The column ``path`` is relative to the folder of the CSV file. One ``ManifestError`` reports all
faults of a manifest.
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from reprlib import repr as short

from models.dataset.checks import find_faults
from models.dataset.entry import Entry, FilmOrigin, ManifestError, Sex, Split, manifest_error
from models.io.atomic_file import atomic_path

REQUIRED = ("path", "patient_id", "site", "split", "label")

COLUMNS = tuple(field.name for field in fields(Entry) if field.name != "row")
"""Columns of a manifest; other columns are ignored."""

_NUMBERS: Mapping[str, tuple[float, float]] = {
    "t_score": (-12.0, 12.0),
    "age": (0.0, 125.0),
    "weight_kg": (10.0, 400.0),
    "height_cm": (50.0, 250.0),
}


@dataclass(frozen=True)
class Manifest:
    """The films of a manifest file, in its order."""

    file: Path
    entries: tuple[Entry, ...]

    def of(self, *splits: Split) -> tuple[Entry, ...]:
        """Return the films of these splits, in order."""
        return tuple(entry for entry in self.entries if entry.split in splits)

    @property
    def sites(self) -> tuple[str, ...]:
        """Hospitals, in the order of their first film."""
        return tuple(dict.fromkeys(entry.site for entry in self.entries))

    @property
    def home_sites(self) -> frozenset[str]:
        """Hospitals with training or validation films."""
        return frozenset(entry.site for entry in self.of(Split.TRAIN, Split.VALIDATION))

    @property
    def origin(self) -> FilmOrigin | None:
        """Return SIMULATED if any film is simulated, or None if the origin is unknown."""
        origins = {entry.origin for entry in self.entries}
        if FilmOrigin.SIMULATED in origins:
            return FilmOrigin.SIMULATED
        return None if None in origins else FilmOrigin.PATIENT


def read_manifest(file: Path, *, labelled: bool = True) -> Manifest:
    """Read and validate ``file``. Raises ManifestError.

    Unless ``labelled``, all films may have the same label. The pixels are not decoded.
    """
    rows = _read_rows(file)
    entries = tuple(_parse_all(rows, file.parent))
    for problem, places in find_faults(entries, labelled=labelled):
        raise manifest_error(problem, places)
    return Manifest(file, entries)


def write_manifest(file: Path, entries: Iterable[Entry]) -> None:
    """Write a manifest atomically."""
    with atomic_path(file) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for entry in entries:
            writer.writerow({name: to_cell(getattr(entry, name), file.parent) for name in COLUMNS})


def _read_rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restval="")
            missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
            if missing:
                raise manifest_error(f"{file} lacks the column", missing)
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
    """Return the entries of the rows. If values are invalid, one error lists all of them."""
    entries, bad = [], []
    for number, cells in rows:
        try:
            entries.append(_parse(number, cells, folder))
        except _InvalidValue as fault:
            bad.append(f"row {number} ({fault})")
    if bad:
        raise manifest_error("bad values", bad)
    return entries


class _InvalidValue(Exception):
    """A cell of the manifest has a value that its column does not allow."""


def _parse(row: int, cells: Mapping[str, str], folder: Path) -> Entry:
    for name in ("path", "patient_id", "site", "split"):
        if not cells[name]:
            raise _InvalidValue(f"no {name}")
    if any("\0" in text for text in cells.values()):
        raise _InvalidValue("a value contains NUL")
    sex, origin = _choice(cells, "sex", Sex), _choice(cells, "origin", FilmOrigin)
    return Entry(
        path=folder / cells["path"],
        patient_id=cells["patient_id"],
        site=cells["site"],
        split=Split(_choice(cells, "split", Split)),
        label=_label(cells["label"]),
        sex=Sex(sex) if sex else None,
        view=cells.get("view", "").upper() or None,
        mask=folder / cells["mask"] if cells.get("mask") else None,
        origin=FilmOrigin(origin) if origin else None,
        row=row,
        **{name: _number(cells, name) for name in _NUMBERS},
    )


def _label(text: str) -> bool:
    if text not in ("0", "1"):
        raise _InvalidValue(f"label {short(text)} is neither 0 nor 1")
    return text == "1"


def _choice(cells: Mapping[str, str], name: str, allowed: type[StrEnum]) -> str:
    text = cells.get(name, "")
    for word in allowed:
        if word.lower() == text.lower():
            return word
    if text:
        raise _InvalidValue(f"{name} {short(text)} is not one of {', '.join(allowed)}")
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
        raise _InvalidValue(f"{name} {short(text)} is not a number from {low:g} to {high:g}")
    return number


def to_cell(value: object, folder: Path) -> str:
    """Return the text of a value for a manifest in ``folder``."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Path):
        # Films below the manifest's folder get relative paths, so the folder can be moved.
        return str(value.relative_to(folder) if value.is_relative_to(folder) else value)
    return str(value)
