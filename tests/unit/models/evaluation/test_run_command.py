"""The command `osteoscreen model evaluate`."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.bundle.card import Card
from models.bundle.store import write_bundle
from models.nets.grid import GridConfig, GridNet
from tests.peers.command import osteoscreen
from tests.unit.models.bundle.test_store import CARD

pytestmark = pytest.mark.slow

HEADER = "path,patient_id,site,split,label,origin"


def evaluate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command and wait until it ends."""
    return osteoscreen("model", "evaluate", *arguments)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of 30 tiny films of noise; do not change it."""
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(0)
    rows = [HEADER]
    for number in range(30):
        Image.fromarray(rng.integers(0, 65536, (64, 64)).astype(np.uint16)).save(
            folder / f"{number}.png"
        )
        split = "validation" if number < 10 else "test"
        rows.append(f"{number}.png,p{number},home,{split},{number % 2},simulated")
    (folder / "manifest.csv").write_text("\n".join(rows))
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle with a small net that was not trained; do not change it."""
    folder = tmp_path_factory.mktemp("bundle") / "small"
    config = GridConfig(size=96, grid=3, dim=32, depth=1, heads=2)
    card = Card.model_validate(CARD | {"architecture": vars(config)})
    write_bundle(folder, card, GridNet(config).eval(), {})
    return folder


def test_a_program_reads_the_report_from_standard_output(
    manifest: Path, bundle: Path, tmp_path: Path
) -> None:
    process = evaluate(manifest, "--bundle", bundle, "--out", tmp_path, "--json")
    assert process.returncode == 0, process.stderr
    report = json.loads(process.stdout)
    assert report == json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["bundle"]["name"] == CARD["name"]
    assert report["analysis"]["cohorts"][0]["films"] == 20


def test_the_command_prints_the_auc_of_each_site_and_the_path_of_the_report(
    manifest: Path, bundle: Path, tmp_path: Path
) -> None:
    process = evaluate(manifest, "--bundle", bundle, "--out", tmp_path)
    assert process.returncode == 0, process.stderr
    assert "home (internal): AUC 0." in process.stdout
    assert f"report: {tmp_path / 'report.html'}" in process.stdout


def test_a_bad_manifest_gives_one_line_and_status_2(manifest: Path, tmp_path: Path) -> None:
    leaking = manifest.with_name("leaking.csv")
    leaking.write_text(manifest.read_text().replace("p29", "p1"))
    process = evaluate(leaking, "--out", tmp_path / "out")
    assert process.returncode == 2
    assert "p1 (test, row 31 and validation, row 3)" in process.stderr
    assert "Traceback" not in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_bundle_is_named(manifest: Path, tmp_path: Path) -> None:
    process = evaluate(manifest, "--out", tmp_path / "out", "--bundle", "none")
    assert process.returncode == 2
    assert "none" in process.stderr
