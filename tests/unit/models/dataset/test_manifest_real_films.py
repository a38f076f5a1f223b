"""Tests of manifests of real films: aspect ratio, exclusion of children, and labels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.gate_manifest import entries_of_folder
from bench.real_film_manifest import TARGETS, make_manifest, read_rows, sides_mm
from models.dataset.manifest import read_manifest
from models.images.read import read_film

COLUMNS = "file,patient_id,age,sex,view,orig_width,orig_height,orig_spacing_x_mm,orig_spacing_y_mm"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that contains four square films and the table of these films."""
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


def test_films_have_their_original_proportions(folder: Path, tmp_path: Path) -> None:
    """The longer side keeps its number of pixels; the shorter side is reduced."""
    make_manifest(folder, "sex", tmp_path / "out" / "sex.csv")
    shapes = {
        path.stem: read_film(path).pixels.shape for path in (tmp_path / "out" / "films").iterdir()
    }
    assert shapes == {"tall": (100, 80), "wide": (80, 100)}


@pytest.mark.parametrize("target", ["sex", "age60"])
def test_children_and_films_of_unknown_size_are_excluded(
    folder: Path, tmp_path: Path, target: str
) -> None:
    """The woman of 61 is positive for both targets, the man of 40 is negative for both."""
    out = tmp_path / f"{target}.csv"
    make_manifest(folder, target, out)
    entries = [
        (entry.patient_id, entry.label, entry.age, entry.view)
        for entry in read_manifest(out).entries
    ]
    assert entries == [("1", True, 61.0, "PA"), ("2", False, 40.0, "AP")]


def test_the_manifest_for_the_gate_has_every_view_and_no_child(
    folder: Path, tmp_path: Path
) -> None:
    """A film of known size is copied in its original aspect ratio; other films are not copied."""
    (tmp_path / "films").mkdir()
    entries = entries_of_folder(folder, tmp_path)
    assert [(entry.patient_id, entry.view) for entry in entries] == [
        ("1", "PA"),
        ("2", "AP"),
        ("4", "PA"),
    ]
    assert read_film(entries[0].path).pixels.shape == (100, 80)
    assert entries[2].path == folder / "images" / "unknown.png"


@pytest.mark.shared_data
def test_a_public_set_of_real_films_has_the_counts_of_its_table(shared_data: Path) -> None:
    rows = read_rows(shared_data / "nih")
    assert len({row["patient_id"] for row in rows}) == len(rows) == 432
    assert sum(TARGETS["age60"](row) for row in rows) == 131
    assert sum(TARGETS["sex"](row) for row in rows) == 203


@pytest.mark.shared_data
def test_real_films_have_the_proportions_of_the_exposure(shared_data: Path, tmp_path: Path) -> None:
    """The test uses the first twelve films of the data set, with their table."""
    nih, few = shared_data / "nih", tmp_path / "few"
    few.mkdir()
    (few / "images").symlink_to(nih / "images")
    table = (nih / "metadata.csv").read_text("utf-8").splitlines(keepends=True)[:13]
    (few / "metadata.csv").write_text("".join(table), "utf-8")
    entries = make_manifest(few, "age60", tmp_path / "age60.csv")
    assert len(entries) > 8
    for entry, row in zip(entries, read_rows(few), strict=True):
        width, height = sides_mm(row)
        rows, columns = read_film(entry.path).pixels.shape
        assert columns / rows == pytest.approx(width / height, abs=0.002)
        assert max(rows, columns) == 1024
