"""Write a manifest of real films for `model cross-validate`, with sex or age as the label.

    python -m bench.real_film_manifest FOLDER --target sex|age60 --out films.csv

FOLDER contains films and a `metadata.csv` like that of ChestX-ray14. Its columns are `file`,
`patient_id`, `age`, `sex`, `view`, `orig_width`, `orig_height`, `orig_spacing_x_mm` and
`orig_spacing_y_mm`. The films were resized to a square. Copies with the original aspect ratio are
written to `films/` next to the manifest, as 8-bit grey PNG; no film is enlarged.

The manifest lists adults. The label is the sex (1 for F) or the age (1 for 60 years and older), not
bone density. A good result shows that the net can learn from real films. No result shows that the
net detects osteoporosis.
"""

import argparse
import csv
import math
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image
from rich.progress import track

from models.dataset.entry import Entry, FilmOrigin, Sex, Split
from models.dataset.manifest import write_manifest

Row = Mapping[str, str]

ADULT, OLD = 18.0, 60.0


def main() -> None:
    """Write the manifest and print its counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", choices=TARGETS, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    entries = make_manifest(options.folder, options.target, options.out)
    cases = sum(film.label for film in entries)
    patients = len({film.patient_id for film in entries})
    print(f"{options.out}: {len(entries)} films of {patients} patients, {cases} films with label 1")


def make_manifest(folder: Path, target: str, out: Path) -> list[Entry]:
    """Write the manifest and the films of adults with known age, sex and aspect ratio."""
    (out.parent / "films").mkdir(parents=True, exist_ok=True)
    entries = [
        entry(row, TARGETS[target], copy(folder, row, out.parent / "films"), folder.name)
        for row in track(read_rows(folder), "films")
    ]
    write_manifest(out, entries)
    return entries


def read_rows(folder: Path) -> list[Row]:
    """Return the usable rows of metadata.csv."""
    with (folder / "metadata.csv").open(newline="", encoding="utf-8-sig") as stream:
        return [row for row in csv.DictReader(stream) if usable(row)]


def usable(row: Row) -> bool:
    """Return whether age, sex and original size are known and the patient is an adult."""
    try:
        labelled = float(row["age"]) >= ADULT and row["sex"] in list(Sex)
        return labelled and all(math.isfinite(side) and side > 0 for side in sides_mm(row))
    except ValueError:
        return False


def sides_mm(row: Row) -> tuple[float, float]:
    """Return width and height of the film in mm at the detector."""
    width = float(row["orig_width"]) * float(row["orig_spacing_x_mm"])
    return width, float(row["orig_height"]) * float(row["orig_spacing_y_mm"])


def copy(folder: Path, row: Row, films: Path) -> Path:
    """Write one film with its original aspect ratio; no side is enlarged."""
    width, height = sides_mm(row)
    with Image.open(folder / row["file"]) as image:
        grey = image.convert("L")
    # The lower of the two scales (pixels per mm) is used, so that no axis is enlarged.
    scale = min(grey.width / width, grey.height / height)
    size = (round(width * scale), round(height * scale))
    target = films / f"{Path(row['file']).stem}.png"
    part = target.with_suffix(".part")
    grey.resize(size, Image.Resampling.LANCZOS).save(part, "PNG", compress_level=1)
    part.replace(target)
    return target


def entry(row: Row, target: Callable[[Row], bool], film: Path, site: str) -> Entry:
    """Return a manifest entry. The split has no effect, because folds are drawn by patient."""
    return Entry(
        path=film,
        patient_id=row["patient_id"],
        site=site,
        split=Split.TRAIN,
        label=target(row),
        age=float(row["age"]),
        sex=Sex(row["sex"]),
        view=row["view"] or None,
        origin=FilmOrigin.PATIENT,
    )


TARGETS: Mapping[str, Callable[[Row], bool]] = {
    "sex": lambda row: row["sex"] == Sex.FEMALE,
    "age60": lambda row: float(row["age"]) >= OLD,
}
"""For each target, this table has the function that returns the label of a row."""


if __name__ == "__main__":
    main()
