"""Manifests of real films: true proportions, adults alone, labels that the table states."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.real_films import make_manifest
from models.films import read_film
from models.manifest import read_manifest

COLUMNS = "file,patient_id,age,sex,view,orig_width,orig_height,orig_spacing_x_mm,orig_spacing_y_mm"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of four films, squeezed to a square, with the table that goes with them."""
    rows = [
        COLUMNS,
        "images/tall.png,1,61,F,PA,2000,2500,0.14,0.14",
        "images/wide.png,2,40,M,AP,2500,2000,0.14,0.14",
        "images/child.png,3,12,F,PA,2000,2000,0.14,0.14",
        "images/unknown.png,4,50,F,PA,2000,2000,,",
    ]
    (tmp_path / "set" / "images").mkdir(parents=True)
    for row in rows[1:]:
        noise = np.random.default_rng(0).integers(0, 256, (100, 100)).astype(np.uint8)
        Image.fromarray(noise).save(tmp_path / "set" / row.split(",")[0])
    (tmp_path / "set" / "metadata.csv").write_text("\n".join(rows))
    return tmp_path / "set"


def test_films_get_back_their_proportions(folder: Path, tmp_path: Path) -> None:
    """The longer side keeps its pixels, the shorter is reduced."""
    make_manifest(folder, "sex", tmp_path / "out" / "sex.csv")
    shapes = {
        path.stem: read_film(path).pixels.shape for path in (tmp_path / "out" / "films").iterdir()
    }
    assert shapes == {"tall": (100, 80), "wide": (80, 100)}


@pytest.mark.parametrize("target", ["sex", "age60"])
def test_children_and_films_of_unknown_size_are_left_out(
    folder: Path, tmp_path: Path, target: str
) -> None:
    """The woman of 61 has either label, the man of 40 neither; all this is read back."""
    out = tmp_path / f"{target}.csv"
    make_manifest(folder, target, out)
    found = [(one.patient_id, one.label, one.age, one.view) for one in read_manifest(out).entries]
    assert found == [("1", True, 61.0, "PA"), ("2", False, 40.0, "AP")]


@pytest.mark.shared_data
def test_a_public_set_of_real_films(shared_data: Path, tmp_path: Path) -> None:
    """Counts as its table has them; each film as wide for its height as it was exposed."""
    folder = shared_data / "nih"
    entries = make_manifest(folder, "age60", tmp_path / "age60.csv")
    assert (len(entries), sum(entry.label for entry in entries)) == (432, 131)
    assert read_manifest(tmp_path / "age60.csv").entries[0].label
    with (folder / "metadata.csv").open(newline="") as stream:
        rows = {Path(row["file"]).stem: row for row in csv.DictReader(stream)}
    for entry in entries[:40]:
        row = rows[entry.path.stem]
        width = float(row["orig_width"]) * float(row["orig_spacing_x_mm"])
        height = float(row["orig_height"]) * float(row["orig_spacing_y_mm"])
        with Image.open(entry.path) as film:
            assert film.width / film.height == pytest.approx(width / height, abs=0.002)
            assert max(film.size) == 1024
