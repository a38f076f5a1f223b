"""A manifest of real frontal films for `osteoscreen model fit-gate`.

    python -m bench.gate_films FOLDER... --out films.csv

Each FOLDER holds films and a `metadata.csv` with `file`, `patient_id` and `view`, and where films
were squeezed to a square (ChestX-ray14) their original size and spacing: those are copied in their
true proportions beside the manifest. Children, where the age is known, are left out. Nothing is
said of bones: the label is 0 for all.
"""

import argparse
import csv
from pathlib import Path

from rich.progress import track

from bench.real_films import ADULT, Row, copy, usable
from models.dataset.entry import Entry, FilmOrigin, Split
from models.dataset.manifest import write_manifest


def main() -> None:
    """Write the manifest, and say what it holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    (options.out.parent / "films").mkdir(parents=True, exist_ok=True)
    entries = [one for folder in options.folders for one in of_folder(folder, options.out.parent)]
    write_manifest(options.out, entries)
    patients = len({(one.site, one.patient_id) for one in entries})
    print(f"{options.out}: {len(entries)} films of {patients} patients")


def of_folder(folder: Path, out: Path) -> list[Entry]:
    """The folder's films, squeezed ones copied to `films` in `out`."""
    with (folder / "metadata.csv").open(newline="", encoding="utf-8-sig") as stream:
        rows = [row for row in csv.DictReader(stream) if not child(row)]
    return [entry(row, folder, out) for row in track(rows, folder.name)]


def child(row: Row) -> bool:
    """Whether the film is known to be of somebody under age."""
    return bool(row["age"]) and float(row["age"]) < ADULT


def entry(row: Row, folder: Path, out: Path) -> Entry:
    """One line of the manifest."""
    squeezed = "orig_width" in row and usable(row)
    return Entry(
        path=copy(folder, row, out / "films") if squeezed else folder / row["file"],
        patient_id=row["patient_id"],
        site=folder.name,
        split=Split.TRAIN,
        label=False,
        view=row["view"],
        origin=FilmOrigin.PATIENT,
    )


if __name__ == "__main__":
    main()
