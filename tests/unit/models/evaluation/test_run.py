"""A run writes a complete report, resumes after an interruption, and leaves no partial files."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from PIL import Image

from models.bundle.card import Card
from models.bundle.score import Bundle
from models.bundle.store import write_bundle
from models.dataset.entry import Entry, FilmOrigin, ManifestError, Split
from models.dataset.manifest import write_manifest
from models.evaluation import image_scores, run
from models.evaluation.run import HTML, JSON, PREDICTIONS, SCORES
from models.nets.grid import GridConfig, GridNet
from tests.unit.models.bundle.test_store import CARD

pytestmark = [pytest.mark.usefixtures("narrow_resnet"), pytest.mark.slow]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return a small untrained bundle whose name contains HTML."""
    config = GridConfig(size=96, grid=3, dim=32, depth=1, heads=2)
    torch.manual_seed(3)
    card = Card.model_validate(CARD | {"architecture": vars(config), "name": "<b>test</b>"})
    return write_bundle(tmp_path_factory.mktemp("bundle"), card, GridNet(config).eval(), {})


def _films(folder: Path, masks: bool = True) -> list[Entry]:
    """Return 36 films of noise at two sites; the noise is finer in the positive class."""
    rng = np.random.default_rng(0)
    entries = []
    plan = (("A", Split.TRAIN), ("A", Split.VALIDATION), ("A", Split.TEST), ("B", Split.TEST))
    for number in range(36):
        site, split = plan[number % 4]
        label = bool(number // 4 % 2)
        noise = rng.integers(0, 256, (48, 40) if label else (24, 20)).astype(np.uint8)
        Image.fromarray(noise).resize((80, 96)).save(folder / f"f{number}.png")
        mask = folder / f"m{number}.png" if masks else None
        if mask:
            Image.fromarray((np.arange(80) < 30).astype(np.uint8)[None].repeat(96, 0) * 255).save(
                mask
            )
        path = folder / f"f{number}.png"
        entries.append(
            Entry(path, f"p{number}", site, split, label, mask=mask, origin=FilmOrigin.SIMULATED)
        )
    return entries


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of films with masks; do not change it."""
    folder = tmp_path_factory.mktemp("cohort")
    write_manifest(folder / "manifest.csv", _films(folder))
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def out(cohort: Path, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run; do not change it."""
    folder = tmp_path_factory.mktemp("out")
    run.evaluate(cohort, bundle, folder)
    return folder


def test_the_report_contains_all_results(out: Path) -> None:
    report = json.loads((out / JSON).read_text("utf-8"))
    assert report["data"]["films"] == {"train": 9, "validation": 9, "test": 18}
    assert report["data"]["origin"] == "simulated"
    assert [cohort["site"] for cohort in report["analysis"]["cohorts"]] == ["A", "B"]
    for cohort in report["analysis"]["cohorts"]:
        assert set(cohort["models"]) == {"image", "ridge"}
        image = cohort["models"]["image"]
        assert set(image) == {
            "films", "auc", "auc_by_patient", "calibration", "decision_curve", "performance",
        }  # fmt: skip
        assert len(image["performance"]) == 3
    assert report["bone_heat"]["films"] == 27
    assert report["bone_heat"]["area_share"] == pytest.approx(30 / 80, abs=0.03)
    assert report["published_comparison"][0]["published"] == 0.917


def test_the_baseline_exceeds_an_untrained_net(out: Path) -> None:
    """The two classes differ only in fine structure, and the net's weights are random."""
    report = json.loads((out / JSON).read_text("utf-8"))
    for cohort in report["analysis"]["cohorts"]:
        assert cohort["models"]["ridge"]["auc"]["value"] == 1.0
        checks = [c for c in report["analysis"]["checks"] if cohort["site"] in c["cohort"]]
        assert any("ridge" in check["claim"] and not check["holds"] for check in checks)


def test_the_page_has_no_external_resources_and_names_the_origin_of_the_films(out: Path) -> None:
    page = (out / HTML).read_text("utf-8")
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    assert page.count("data:image/png;base64,") == 5
    assert "These films are simulated." in page
    assert "<b>test</b>" not in page
    assert "&lt;b&gt;test&lt;/b&gt;" in page
    for text in ("TRIPOD+AI", "CLAIM 2024", "0.532", "insufficient", "intended use"):
        assert text in page
    assert "&amp;" not in page, "text must be escaped once"
    assert "p7" not in re.sub(r"base64,[^\"]+", "", page), (
        "the report must not contain a patient ID"
    )


def test_every_test_film_is_in_the_predictions(out: Path) -> None:
    with (out / PREDICTIONS).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == [f"f{n}.png" for n in range(36) if n % 4 > 1]
    assert all(0 < float(row["image"]) < 1 and 0 < float(row["ridge"]) < 1 for row in rows)


def test_the_same_run_writes_the_same_bytes(
    cohort: Path, bundle: Bundle, out: Path, tmp_path: Path
) -> None:
    run.evaluate(cohort, bundle, tmp_path)
    for name in (SCORES, PREDICTIONS, JSON, HTML, "figures/roc.png", "figures/heat.png"):
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes(), name


def test_an_interrupted_run_resumes(
    cohort: Path, bundle: Bundle, out: Path, tmp_path: Path
) -> None:
    """The cache has one complete chunk and an incomplete line; only missing films are scored."""
    lines = (out / SCORES).read_text().splitlines(keepends=True)
    (tmp_path / SCORES).write_text("".join(lines[:17]) + lines[17][:90])
    scored: list[int] = []
    score = image_scores.score

    def counted(bundle: Bundle, films: list[object]) -> list[object]:
        scored.append(len(films))
        return score(bundle, films)  # type: ignore[arg-type,return-value]

    with patch.object(image_scores, "score", counted):
        run.evaluate(cohort, bundle, tmp_path)
    assert scored == [11]
    assert (tmp_path / JSON).read_bytes() == (out / JSON).read_bytes()


def test_cached_scores_of_another_bundle_are_ignored(
    cohort: Path, bundle: Bundle, out: Path, tmp_path: Path
) -> None:
    (tmp_path / SCORES).write_bytes((out / SCORES).read_bytes())
    config = bundle.card.architecture
    torch.manual_seed(4)
    second = write_bundle(tmp_path / "bundle", bundle.card, GridNet(config).eval(), {})
    run.evaluate(cohort, second, tmp_path)
    assert (tmp_path / PREDICTIONS).read_bytes() != (out / PREDICTIONS).read_bytes()


def test_the_required_columns_are_enough(bundle: Bundle, tmp_path: Path) -> None:
    """The manifest has no training or validation films, clinical columns, masks or origin."""
    films = _films(tmp_path, masks=False)
    rows = [f"{film.path.name},{film.patient_id},A,test,{int(film.label)}" for film in films]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(["path,patient_id,site,split,label", *rows]))
    report = run.evaluate(manifest, bundle, tmp_path / "out")
    assert [cohort.name for cohort in report.analysis.cohorts] == ["A (external)"]
    assert report.thresholds_from == "model card"
    assert report.bone_heat is None
    page = (tmp_path / "out" / HTML).read_text("utf-8")
    assert "does not state whether these films are from patients or simulated" in page
    assert "no film of the manifest has a bone mask" in page


def _truncate(folder: Path) -> None:
    for name in ("f5.png", "f6.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:400])


def _shrink_mask(folder: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "m9.png")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (_truncate, ("row 7 (f5.png", "row 8 (f6.png")),
        (_shrink_mask, ("row 11", "mask")),
    ],
)
def test_films_that_cannot_be_read_are_named_and_nothing_is_written(
    bundle: Bundle, tmp_path: Path, damage: Callable[[Path], None], expected: tuple[str, ...]
) -> None:
    write_manifest(tmp_path / "manifest.csv", _films(tmp_path))
    damage(tmp_path)
    with pytest.raises(ManifestError) as refusal:
        run.evaluate(tmp_path / "manifest.csv", bundle, tmp_path / "out")
    assert "\n" not in str(refusal.value)
    assert all(text in str(refusal.value) for text in expected)
    assert not (tmp_path / "out").exists()


def test_a_manifest_without_test_films_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    films = [film for film in _films(tmp_path) if film.split is Split.TRAIN]
    write_manifest(tmp_path / "manifest.csv", films)
    with pytest.raises(ManifestError, match="no film of the split test"):
        run.evaluate(tmp_path / "manifest.csv", bundle, tmp_path / "out")
