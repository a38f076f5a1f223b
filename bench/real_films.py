"""A manifest of real films for `osteoscreen model cross-validate`, by what is known of them.

    python -m bench.real_films FOLDER --target sex|age60 --out films.csv

FOLDER holds films and a `metadata.csv` as ChestX-ray14 is handed round: `file`, `patient_id`,
`age`, `sex`, `view`, and the original `orig_width`, `orig_height`, `orig_spacing_x_mm`,
`orig_spacing_y_mm`. Such films were squeezed to a square. Copies in their true proportions are
written into `films/` beside the manifest, as grey PNG of 8 bits; nothing is magnified.

The label is the sex (F is 1) or the age (60 and more is 1), of adults. Neither is bone density, and
a net that finds one has shown that it can learn from real films, and nothing about osteoporosis.
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
    """Write the manifest, and say what it holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", choices=TARGETS, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    entries = make_manifest(options.folder, options.target, options.out)
    cases, patients = sum(one.label for one in entries), len({one.patient_id for one in entries})
    print(f"{options.out}: {len(entries)} films of {patients} patients, label 1 on {cases}")


def make_manifest(folder: Path, target: str, out: Path) -> list[Entry]:
    """Write the manifest and its films; adults of known age, sex and proportions only."""
    (out.parent / "films").mkdir(parents=True, exist_ok=True)
    entries = [
        entry(row, TARGETS[target], copy(folder, row, out.parent / "films"), folder.name)
        for row in track(read_rows(folder), "films")
    ]
    write_manifest(out, entries)
    return entries


def read_rows(folder: Path) -> list[Row]:
    """Return the rows of the folder's table that can be used."""
    with (folder / "metadata.csv").open(newline="", encoding="utf-8-sig") as stream:
        return [row for row in csv.DictReader(stream) if usable(row)]


def usable(row: Row) -> bool:
    """Whether all is known that a label or a film's proportions may need."""
    try:
        known = float(row["age"]) >= ADULT and row["sex"] in list(Sex)
        return known and all(math.isfinite(side) and side > 0 for side in sides_mm(row))
    except ValueError:
        return False


def sides_mm(row: Row) -> tuple[float, float]:
    """Width and height of the film, in mm on the detector."""
    width = float(row["orig_width"]) * float(row["orig_spacing_x_mm"])
    return width, float(row["orig_height"]) * float(row["orig_spacing_y_mm"])


def copy(folder: Path, row: Row, films: Path) -> Path:
    """Write one film in its true proportions; its longer side keeps its pixels."""
    width, height = sides_mm(row)
    with Image.open(folder / row["file"]) as image:
        grey = image.convert("L")
    # Of the two scales in pixels per mm, the lower: the other axis is then only ever reduced.
    scale = min(grey.width / width, grey.height / height)
    size = (round(width * scale), round(height * scale))
    target = films / f"{Path(row['file']).stem}.png"
    part = target.with_suffix(".part")
    grey.resize(size, Image.Resampling.LANCZOS).save(part, "PNG", compress_level=1)
    part.replace(target)
    return target


def entry(row: Row, target: Callable[[Row], bool], film: Path, site: str) -> Entry:
    """One line of the manifest. Its split is of no account: folds are drawn by patient."""
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
"""What may be asked of a film, by name: label 1 or 0."""


if __name__ == "__main__":
    main()
