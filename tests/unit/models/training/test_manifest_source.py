"""Training on a manifest's films: decoding, epochs, and the resulting bundle."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from models.bundle.golden import verify_golden
from models.bundle.score import Bundle
from models.bundle.store import load_bundle, write_bundle
from models.clinical.model import ClinicalFacts
from models.dataset.clinical_inputs import clinical_logits
from models.dataset.entry import ManifestError, Split
from models.dataset.manifest import read_manifest
from models.nets.grid import GridConfig, GridNet, Output
from models.training.manifest_source import ManifestSource, load_films
from node.cli.model import model
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

SIZE = 192
DEMO = ROOT / "models" / "bundles" / "demo"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return a manifest of 24 small films; films with a bright spine have label 1."""
    rows = ["path,patient_id,site,split,label,t_score"]
    for number in range(24):
        label = number % 2
        rng = np.random.default_rng(number)
        film = rng.normal(120, 10, (96, 80))
        film[:, 38:42] += 60 * label
        Image.fromarray(np.clip(film, 0, 255).astype(np.uint8)).save(tmp_path / f"{number}.png")
        split = "train" if number < 16 else "validation"
        rows.append(f"{number}.png,p{number},here,{split},{label},{'' if number else -1.5}")
    file = tmp_path / "films.csv"
    file.write_text("\n".join(rows))
    return file


def films(manifest: Path, folder: Path) -> ManifestSource:
    """Return the source of the manifest's films."""
    content = read_manifest(manifest)
    return ManifestSource(
        load_films(content.of(Split.TRAIN), SIZE, folder),
        load_films(content.of(Split.VALIDATION), SIZE, folder),
        seed=1,
        size=SIZE,
        films_per_batch=6,
    )


def test_an_epoch_contains_each_film_once(manifest: Path, tmp_path: Path) -> None:
    """Sixteen films give three batches of at most six films; the next epoch has another order."""
    source = films(manifest, tmp_path / "ready")
    assert source.batches_per_epoch == 3
    epochs = [[source.batch(3 * epoch + n, SIZE) for n in range(3)] for epoch in range(2)]
    for epoch in epochs:
        assert [len(batch.label) for batch in epoch] == [6, 6, 4]
        assert sum(float(batch.label.sum()) for batch in epoch) == 8
    assert not torch.equal(epochs[0][0].film, epochs[1][0].film)
    assert torch.equal(source.batch(1, SIZE).film, epochs[0][1].film)


def test_unknown_targets_are_nan(manifest: Path, tmp_path: Path) -> None:
    """One film has a T-score; no film has a mineral map or a twin."""
    source = films(manifest, tmp_path / "ready")
    batches = [source.batch(n, SIZE) for n in range(3)]
    assert sum(int(torch.isfinite(batch.t_score).sum()) for batch in batches) == 1
    assert all(torch.isnan(batch.mineral).all() and not batch.twins for batch in batches)


def test_films_are_decoded_once(manifest: Path, tmp_path: Path) -> None:
    """A second start uses the cache, unless a film has changed."""
    ready = tmp_path / "ready"
    films(manifest, ready)
    stamps = {file: file.stat().st_mtime_ns for file in ready.iterdir()}
    films(manifest, ready)
    assert {file: file.stat().st_mtime_ns for file in ready.iterdir()} == stamps
    Image.fromarray(np.eye(96, dtype=np.uint8) * 255).save(tmp_path / "0.png")
    films(manifest, ready)
    assert len(list(ready.iterdir())) == len(stamps) + 1


def test_one_error_names_all_rows_that_cannot_be_decoded(manifest: Path, tmp_path: Path) -> None:
    """No incomplete file remains."""
    for number in (2, 5):
        (tmp_path / f"{number}.png").write_bytes(b"not an image")
    with pytest.raises(ManifestError, match=r"row 4 .*row 7"):
        films(manifest, tmp_path / "ready")
    assert list((tmp_path / "ready").iterdir()) == []


def test_validation_films_are_not_augmented(manifest: Path, tmp_path: Path) -> None:
    source = films(manifest, tmp_path / "ready")

    class Mean(torch.nn.Module):
        """Return the mean of each film as its logit."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, film: torch.Tensor) -> Output:
            zeros = torch.zeros(len(film))
            return Output(film.mean(dim=(1, 2, 3)), zeros, zeros, zeros)

    means, labels = source.validate(Mean())  # type: ignore[arg-type]
    assert means == pytest.approx(source.held_out.pixels.astype(np.float32).mean(axis=(1, 2, 3)))
    assert labels.sum() == 4


def test_the_command_writes_a_research_bundle(manifest: Path, tmp_path: Path) -> None:
    """The bundle contains no film of the manifest."""
    out = tmp_path / "bundle"
    arguments = ["train", str(manifest), "--out", str(out), "--size", "192", "--steps", "2"]
    done = CliRunner().invoke(model, [*arguments, "--batch", "4", "--device", "cpu"])
    assert done.exit_code == 0, done.output
    bundle = load_bundle(out)
    assert bundle.card.intended_use == "research"
    assert "16 films of patients" in bundle.card.summary
    assert verify_golden(bundle) < 1e-4
    assert {path.name for path in (out / "golden").iterdir()} == {
        "phantom-light.png",
        "phantom-heavy.png",
    }


@pytest.fixture
def start(tmp_path: Path) -> Bundle:
    """Return an untrained bundle for small films, with the shipped clinical model."""
    demo = load_bundle(DEMO)
    config = GridConfig(size=SIZE)
    card = demo.card.model_copy(update={"architecture": config})
    return write_bundle(tmp_path / "start", card, GridNet(config).eval(), {}, (demo.clinical, None))


def train_from(start: Bundle, manifest: Path, out: Path) -> Bundle:
    """Return the bundle of one training step that started from the weights of ``start``."""
    arguments = ["train", str(manifest), "--out", str(out), "--from", str(start.path)]
    limits = ["--size", str(SIZE), "--steps", "1", "--batch", "4", "--device", "cpu"]
    done = CliRunner().invoke(model, [*arguments, *limits])
    assert done.exit_code == 0, done.output
    return load_bundle(out)


def test_validation_films_with_clinical_data_give_a_combined_model(
    manifest: Path, start: Bundle, tmp_path: Path
) -> None:
    """The clinical model of the start bundle is used; films without clinical data are excluded."""
    rows = ["path,patient_id,site,split,label,age,sex,weight_kg,height_cm"]
    rows += [f"{n}.png,p{n},here,train,{n % 2},,,," for n in range(4)]
    for number in range(44):
        (tmp_path / f"v{number}.png").write_bytes((tmp_path / f"{number % 24}.png").read_bytes())
        height = 165 if number > 1 else ""
        facts = f"{55 + number % 30},{'FM'[number % 3 == 0]},{60 + number},{height}"
        rows.append(f"v{number}.png,v{number},here,validation,{number % 2},{facts}")
    manifest.write_text("\n".join(rows))
    bundle = train_from(start, manifest, tmp_path / "bundle")
    assert bundle.clinical == start.clinical
    assert bundle.card.combined is not None
    assert (bundle.card.combined.films, bundle.card.combined.positives) == (42, 21)
    assert len(bundle.card.combined.operating_points) >= 1
    assert bundle.card.operating_point.films == 44
    assert verify_golden(bundle) < 1e-4


def test_without_clinical_data_only_the_clinical_model_is_copied(
    manifest: Path, start: Bundle, tmp_path: Path
) -> None:
    bundle = train_from(start, manifest, tmp_path / "bundle")
    assert bundle.clinical == start.clinical
    assert bundle.card.combined is None


def test_clinical_logits_are_nan_if_a_value_is_missing_or_out_of_range(
    manifest: Path, start: Bundle
) -> None:
    rows = ["path,patient_id,site,split,label,age,sex,weight_kg,height_cm"]
    facts = ["67,F,60,160", "67,F,,160", "67,,60,160", "45,F,60,160"]
    rows += [f"{n}.png,p{n},here,train,{n % 2},{values}" for n, values in enumerate(facts)]
    manifest.write_text("\n".join(rows))
    assert start.clinical is not None
    logits = clinical_logits(start.clinical, read_manifest(manifest).entries)
    assert logits[0] == start.clinical.logit(ClinicalFacts(67.0, "F", 60.0, 160.0))
    assert np.isnan(logits[1:]).all()
