"""Calibration of a bundle on a hospital's films: thresholds change, the net does not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from models.bundle.card import Card
from models.bundle.golden import verify_golden
from models.bundle.score import Bundle
from models.bundle.store import load_bundle, write_bundle
from models.dataset.entry import ManifestError
from models.images.radiograph import Radiograph
from models.nets.grid import GridConfig, GridNet
from models.training.recalibrate import recalibrate
from node.cli.model import model
from tests.support.paths import ROOT
from tests.unit.models.bundle.test_store import CARD

SHIPPED = ROOT / "models" / "bundles" / "demo"
COLUMNS = "path,patient_id,site,split,label,age,sex,weight_kg,height_cm"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """Return a small bundle with a clinical model and one golden film."""
    torch.manual_seed(1)
    config = GridConfig(size=96, grid=3, dim=32, depth=1, heads=2)
    card = Card.model_validate(CARD | {"architecture": vars(config)})
    golden = {"grain.png": _grain(0)}
    clinical = load_bundle(SHIPPED).clinical
    return write_bundle(tmp_path / "bundle", card, GridNet(config).eval(), golden, (clinical, None))


def _grain(seed: int) -> Radiograph:
    return Radiograph(np.random.default_rng(seed).random((96, 96), dtype=np.float32))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return 60 validation films of one hospital, and 20 test films of each of two hospitals."""
    rng = np.random.default_rng(0)
    rows = [COLUMNS]
    for number in range(100):
        film = rng.integers(0, 256, (64, 64)).astype(np.uint8)
        Image.fromarray(film).save(tmp_path / f"{number}.png")
        site = "away" if number >= 80 else "home"
        split = "validation" if number < 60 else "test"
        rows.append(
            f"{number}.png,p{number},{site},{split},{number % 2},{60 + number % 20},F,60,160"
        )
    file = tmp_path / "films.csv"
    file.write_text("\n".join(rows))
    return file


def test_calibration_thresholds_and_combined_model_are_fitted_on_the_films(
    bundle: Bundle, manifest: Path, tmp_path: Path
) -> None:
    calibrated = recalibrate(manifest, bundle, tmp_path / "out")
    torch.testing.assert_close(calibrated.net.state_dict(), bundle.net.state_dict())
    assert calibrated.clinical == bundle.clinical
    assert calibrated.card.calibration != bundle.card.calibration
    assert calibrated.card.operating_points[0].films == 60
    assert "60 validation films, of patients" in calibrated.card.operating_points[0].source
    assert calibrated.card.combined is not None
    assert calibrated.card.combined.films == 60
    assert {point.name for point in calibrated.card.combined.operating_points} >= {"youden"}
    assert load_bundle(bundle.path).card == bundle.card
    assert verify_golden(calibrated) < 1e-4


def test_the_card_has_measured_and_published_auc_of_each_model_and_site(
    bundle: Bundle, manifest: Path, tmp_path: Path
) -> None:
    figures = recalibrate(manifest, bundle, tmp_path / "out").card.figures
    assert {figure.name: figure.published for figure in figures} == {
        "image, internal test": 0.917,
        "clinical, internal test": 0.839,
        "combined, internal test": 0.919,
        "image, external test 1": 0.897,
        "clinical, external test 1": 0.759,
        "combined, external test 1": 0.896,
    }
    assert all(figure.films == 20 and figure.low <= figure.auc <= figure.high for figure in figures)


def test_without_clinical_data_there_is_no_combined_model(
    bundle: Bundle, manifest: Path, tmp_path: Path
) -> None:
    """The patients' weights are missing, so only the image score is calibrated."""
    manifest.write_text(manifest.read_text().replace(",60,160", ",,160"))
    calibrated = recalibrate(manifest, bundle, tmp_path / "out")
    assert calibrated.card.combined is None
    assert [figure.name for figure in calibrated.card.figures] == [
        "image, internal test",
        "image, external test 1",
    ]


def test_without_test_films_the_figures_of_the_card_are_unchanged(
    bundle: Bundle, manifest: Path, tmp_path: Path
) -> None:
    rows = manifest.read_text().splitlines()
    manifest.write_text("\n".join(rows[:61]))
    assert recalibrate(manifest, bundle, tmp_path / "out").card.figures == bundle.card.figures


def test_a_manifest_without_validation_films_is_refused(
    bundle: Bundle, manifest: Path, tmp_path: Path
) -> None:
    rows = manifest.read_text().splitlines()
    manifest.write_text("\n".join([rows[0], *rows[61:]]))
    with pytest.raises(ManifestError, match="no film of the split validation"):
        recalibrate(manifest, bundle, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_updates_the_bundle_in_place(bundle: Bundle, manifest: Path) -> None:
    arguments = ["calibrate", str(manifest), "--bundle", str(bundle.path), "--device", "cpu"]
    result = CliRunner().invoke(model, arguments)
    assert result.exit_code == 0, result.output
    updated = load_bundle(bundle.path)
    assert updated.card.digest != bundle.card.digest
    assert updated.card.digest in result.output.replace("\n", "")
    assert "published study" in result.output
