"""`osteoscreen model simulate` gives the same cohort on every run and leaves no partial files."""

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from typer.testing import CliRunner

from models.dataset.entry import FilmOrigin
from models.dataset.manifest import COLUMNS, read_manifest
from models.images.dicom import read_radiograph
from models.simulate import run
from models.simulate.anatomy_variants import MAP_SIDE, map_path
from models.simulate.film_files import Recipe, film_paths, make_films, twin_of
from models.simulate.patients import draw_cohort
from models.simulate.run import (
    CohortOrder,
    SimulatedCohort,
    SimulationError,
    check_order,
    simulate_cohort,
)
from models.simulate.subject import density_factor
from node.cli.main import app
from node.domain.errors import Misconfigured

pytestmark = pytest.mark.slow

COUNT = 60
SMALL = Recipe(size=96)


@pytest.fixture(autouse=True)
def phantoms(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cache small phantoms instead of variants of the CT, and return the cache folder."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    folder = cache / "osteoscreen" / "maps"
    folder.mkdir(parents=True)
    line = np.linspace(-1, 1, 64, dtype=np.float32)
    for number in {patient.variant for patient in draw_cohort(COUNT, 1)}:
        spine = np.where(abs(line - number / 5000) < 0.1, 1.2, 0.0) + 0 * line[:, None]
        ribs = np.where(np.sin(line[:, None] * 20) > 0.6, 0.3, 0.0) + 0 * line
        water = np.where(abs(line) < 0.8, 14.0, 0.0) + 0 * line[:, None]
        maps = np.stack([water, spine, ribs]).astype(np.float16)
        np.save(map_path(folder, number, MAP_SIDE), maps)
    return folder


def _order(out: Path, **recipe: object) -> CohortOrder:
    return CohortOrder(COUNT, out, seed=1, jobs=1, recipe=replace(SMALL, **recipe))


def _rows(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def _cohort_cache() -> dict[str, tuple[Path, SimulatedCohort]]:
    return {}


@pytest.fixture
def cohort(
    _cohort_cache: dict[str, tuple[Path, SimulatedCohort]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, SimulatedCohort]:
    """Return a folder with films, masks, twins and density-off films; do not change it."""
    if not _cohort_cache:
        out = tmp_path_factory.mktemp("cohort")
        result = simulate_cohort(_order(out, masks=True, twins=True, density_off=True))
        _cohort_cache["cohort"] = (out, result)
    return _cohort_cache["cohort"]


def test_the_manifest_has_all_columns_and_files(
    cohort: tuple[Path, SimulatedCohort],
) -> None:
    out, result = cohort
    assert [path.name for path in result.manifests] == [
        "manifest.csv",
        "twins.csv",
        "density-off.csv",
    ]
    rows = _rows(out / "manifest.csv")
    assert len(rows) == COUNT
    assert tuple(rows[0]) == COLUMNS
    assert {row["split"] for row in rows if row["site"] == "internal"} == {
        "train",
        "validation",
        "test",
    }
    assert {row["split"] for row in rows if row["site"] != "internal"} == {"test"}
    for row in rows:
        assert (row["label"] == "1") == (float(row["t_score"]) <= -2.5)
        assert row["view"] in ("PA", "AP")
        with Image.open(out / row["path"]) as film, Image.open(out / row["mask"]) as mask:
            assert film.mode == "I;16"
            assert max(film.size) == 96
            assert mask.size == film.size
            assert set(np.unique(mask)) == {0, 255}
    assert json.loads((out / "cohort.json").read_text())["seed"] == 1
    with Image.open(result.contact_sheet) as sheet:
        assert sheet.width > sheet.height


def test_several_processes_write_the_same_bytes(
    cohort: tuple[Path, SimulatedCohort], tmp_path: Path
) -> None:
    order = _order(tmp_path, masks=True, twins=True, density_off=True)
    simulate_cohort(replace(order, jobs=2))
    assert _digests(tmp_path) == _digests(cohort[0])


def test_an_interrupted_run_resumes_and_a_damaged_film_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "interrupted"
    simulate_cohort(_order(out))
    expected = _digests(out)
    rows = _rows(out / "manifest.csv")
    (out / rows[0]["path"]).write_bytes(b"half a film")
    (out / rows[1]["path"]).unlink()
    (out / "manifest.csv").unlink()
    record = out / "digests.csv"
    # The last line is incomplete.
    record.write_text(record.read_text()[:-40])
    cohort = simulate_cohort(_order(out))
    assert (cohort.created, cohort.reused) == (3, COUNT - 3)
    assert _digests(out) == expected
    assert simulate_cohort(_order(out)).created == 0


def test_an_interruption_leaves_no_partial_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def interrupted(*arguments: object) -> dict[str, bytes]:
        calls.append(1)
        if len(calls) > 7:
            raise KeyboardInterrupt
        return make_films(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "make_films", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate_cohort(_order(tmp_path))
    assert not (tmp_path / "manifest.csv").exists()
    assert not list(tmp_path.rglob("*.part"))
    monkeypatch.undo()


def test_a_different_size_reuses_no_film(tmp_path: Path) -> None:
    simulate_cohort(_order(tmp_path))
    assert simulate_cohort(_order(tmp_path, size=100)).reused == 0


def test_twins_have_ten_percent_more_or_less_bone(
    cohort: tuple[Path, SimulatedCohort],
) -> None:
    out, _ = cohort
    films, twins = _rows(out / "manifest.csv"), _rows(out / "twins.csv")
    denser = 0
    for patient, film, twin in zip(draw_cohort(COUNT, 1), films, twins, strict=True):
        changed = {name for name in COLUMNS if film[name] != twin[name]}
        assert changed <= {"path", "t_score", "label"}
        step = density_factor(twin_of(patient).latent) / density_factor(patient.latent)
        assert abs(step - 1) == pytest.approx(0.1)
        assert (float(twin["t_score"]) > float(film["t_score"])) == (step > 1)
        denser += step > 1
        with Image.open(out / film["path"]) as first, Image.open(out / twin["path"]) as second:
            assert np.any(np.asarray(first) != np.asarray(second))
    assert 15 < denser < 45


def test_density_off_films_do_not_depend_on_the_patients_density(phantoms: Path) -> None:
    """A change of density changes the original film, but not the density-off film."""
    patient = draw_cohort(COUNT, 1)[0]
    maps = np.load(map_path(phantoms, patient.variant, MAP_SIDE)).astype(np.float32)
    recipe = replace(SMALL, density_off=True)
    original = make_films(patient, maps, recipe)
    changed = make_films(replace(patient, latent=patient.latent - 2, label=True), maps, recipe)
    assert original["density-off"] == changed["density-off"]
    assert original["films"] != changed["films"]


def test_density_off_keeps_labels(cohort: tuple[Path, SimulatedCohort]) -> None:
    out, _ = cohort
    originals, off = _rows(out / "manifest.csv"), _rows(out / "density-off.csv")
    assert [row["label"] for row in originals] == [row["label"] for row in off]
    assert {row["path"].split("/")[0] for row in off} == {"density-off"}


def test_a_dicom_film_has_the_pixels_of_the_png_and_a_complete_header(phantoms: Path) -> None:
    interpretations = set()
    for patient in draw_cohort(COUNT, 1)[30:]:
        maps = np.load(map_path(phantoms, patient.variant, MAP_SIDE)).astype(np.float32)
        png, dicom = (
            make_films(patient, maps, replace(SMALL, form=form)) for form in ("png", "dicom")
        )
        ds = pydicom.dcmread(pydicom.filebase.DicomBytesIO(dicom["films"]))
        with Image.open(pydicom.filebase.DicomBytesIO(png["films"])) as film:
            pixels = np.asarray(film, np.float32) / 65535
        assert np.abs(read_radiograph(ds).pixels - pixels).max() < 1.5 / (2**ds.BitsStored - 1)
        assert (ds.PatientID, ds.PatientSex) == (patient.patient_id, patient.sex)
        assert int(ds.PatientAge[:3]) == patient.age
        assert ds.PatientWeight == pytest.approx(patient.weight_kg, abs=0.05)
        interpretations.add(ds.PhotometricInterpretation)
    assert interpretations == {"MONOCHROME1", "MONOCHROME2"}
    assert film_paths(patient, replace(SMALL, form="dicom"))["films"].endswith(".dcm")


@pytest.mark.parametrize(
    ("arguments", "prefix"),
    [
        (["--patients", "3"], "--patients 3"),
        (["--format", "gif"], "--format gif"),
        (["--size", "5"], "--size 5"),
        (["--jobs", "-1"], "--jobs -1"),
        (["--seed", "-4"], "--seed -4"),
    ],
)
def test_an_invalid_argument_gives_one_line_and_no_files(
    tmp_path: Path, arguments: list[str], prefix: str
) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["model", "simulate", "--out", str(out), *arguments])
    assert isinstance(result.exception, Misconfigured)
    assert str(result.exception).startswith(prefix)
    assert "\n" not in str(result.exception)
    assert not out.exists()


def test_a_file_as_output_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("content")
    with pytest.raises(SimulationError, match="--out"):
        check_order(_order(tmp_path / "out"))


def test_a_full_disk_is_reported_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = run.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(run.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(SimulationError, match="not enough disk space"):
        simulate_cohort(_order(tmp_path))
    assert not list(tmp_path.rglob("*.png"))


def test_the_command_prints_the_manifest(tmp_path: Path) -> None:
    arguments = ["--patients", str(COUNT), "--size", "96", "--jobs", "1", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, ["model", "simulate", *arguments])
    assert result.exit_code == 0
    assert str(tmp_path / "manifest.csv") in result.output


def test_every_manifest_can_be_read(cohort: tuple[Path, SimulatedCohort]) -> None:
    for file in cohort[1].manifests:
        manifest = read_manifest(file)
        assert len(manifest.entries) == COUNT
        assert manifest.origin is FilmOrigin.SIMULATED
        assert manifest.home_sites == {"internal"}
