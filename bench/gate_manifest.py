"""Write a manifest of real frontal films for `osteoscreen model fit-gate`.

    python -m bench.gate_manifest FOLDER... --out films.csv

Each FOLDER contains films and a `metadata.csv` with `file`, `patient_id` and `view`. If films were
resized to a square (ChestX-ray14), the table also states their original size and spacing. Resized
films are copied with their original aspect ratio. A film is excluded if its patient is known to be
a child. The label is 0 for all films, because the gate does not use labels.
"""

import argparse
import csv
from pathlib import Path

from rich.progress import track

from bench.real_film_manifest import ADULT, Row, copy, usable
from models.dataset.entry import Entry, FilmOrigin, Split
from models.dataset.manifest import write_manifest


def main() -> None:
    """Write the manifest and print its counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    (options.out.parent / "films").mkdir(parents=True, exist_ok=True)
    entries = [
        film for folder in options.folders for film in entries_of_folder(folder, options.out.parent)
    ]
    write_manifest(options.out, entries)
    patients = len({(film.site, film.patient_id) for film in entries})
    print(f"{options.out}: {len(entries)} films of {patients} patients")


def entries_of_folder(folder: Path, out: Path) -> list[Entry]:
    """Return the entries of a folder; resized films are copied to `films` in `out`."""
    with (folder / "metadata.csv").open(newline="", encoding="utf-8-sig") as stream:
        rows = [row for row in csv.DictReader(stream) if not is_child(row)]
    return [entry(row, folder, out) for row in track(rows, folder.name)]


def is_child(row: Row) -> bool:
    """Return whether the age is known and below 18 years."""
    return bool(row["age"]) and float(row["age"]) < ADULT


def entry(row: Row, folder: Path, out: Path) -> Entry:
    """Return the manifest entry of a film."""
    resized = "orig_width" in row and usable(row)
    return Entry(
        path=copy(folder, row, out / "films") if resized else folder / row["file"],
        patient_id=row["patient_id"],
        site=folder.name,
        split=Split.TRAIN,
        label=False,
        view=row["view"],
        origin=FilmOrigin.PATIENT,
    )


if __name__ == "__main__":
    main()
