"""`osteoscreen model ablate` trains all variants equally, resumes, and refuses unusable input."""

import copy
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from models.bundle.store import load_bundle
from models.experiments.ablation import VARIANTS
from models.experiments.ablation_run import AblationOptions, ablate
from models.nets.grid import FilmNet, GridConfig
from models.training.loop import Trained, fit
from models.training.manifest_source import Films, logits
from models.training.run import TrainError
from node.cli.main import main
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

Command = Callable[..., tuple[int, str, str]]

DEMO = ROOT / "models" / "bundles" / "demo"


def make_manifest(folder: Path) -> Path:
    """Write 10 training, 4 validation and 8 test films; the test films are from two sites."""
    rows = ["path,patient_id,site,split,label,t_score,origin"]
    for n in range(22):
        rng = np.random.default_rng(n)
        pixels = rng.normal(120, 10, (96, 80)) + 40 * (n % 2)
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{n}.png")
        split = "train" if n < 10 else "validation" if n < 14 else "test"
        site = "far" if n >= 18 else "here"
        rows.append(f"{n}.png,p{n},{site},{split},{n % 2},{-1 - n % 3},simulated")
    file = folder / "films.csv"
    file.write_text("\n".join(rows))
    return file


@pytest.fixture
def osteoscreen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs `osteoscreen model ablate` and returns status and output."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        command = ["osteoscreen", "model", "ablate", *map(str, arguments), "--device", "cpu"]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as exit_info:
            main()
        captured = capsys.readouterr()
        return int(exit_info.value.code or 0), captured.out, captured.err

    return call


def test_the_command_trains_all_variants_and_resumes(osteoscreen: Command, tmp_path: Path) -> None:
    """A second run gives the same files and trains only variants without a result."""
    manifest, out = make_manifest(tmp_path), tmp_path / "table"
    arguments = (manifest, "--out", out, "--steps", "1", "--batch", "2", "--json")
    status, output, _ = osteoscreen(*arguments)
    assert status == 0
    table = json.loads(output)
    assert [row["variant"] for row in table["variants"]] == [variant.name for variant in VARIANTS]
    for row in table["variants"]:
        assert (row["training"]["steps"], row["training"]["films"]) == (1, 2)
        assert [(site["site"], site["films"]) for site in row["sites"]] == [("here", 4), ("far", 4)]
    files = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert not any(path.suffix in (".pt", ".part") for path in files)

    assert osteoscreen(*arguments)[0] == 0
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == files

    (deleted,) = out.glob("run/*/no-thumbnail.json")
    deleted.unlink()
    assert osteoscreen(*arguments)[0] == 0
    assert json.loads(deleted.read_bytes())["logits"] == json.loads(files[deleted])["logits"]
    unchanged = [
        path for path in files if path.parent == deleted.parent and path.stem != deleted.stem
    ]
    assert all(path.read_bytes() == files[path] for path in unchanged)


def test_a_killed_run_resumes_from_its_last_checkpoint(
    small: GridConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variant that was trained but not scored is not trained again."""
    manifest, out = make_manifest(tmp_path), tmp_path / "table"
    options = AblationOptions(out, small, steps=2, batch=4, seed=1, device="cpu")
    calls = iter([False, True, False])

    def score_or_die(net: FilmNet, films: Films) -> np.ndarray:
        if next(calls):
            return logits(net, films)
        raise KeyboardInterrupt

    monkeypatch.setattr("models.experiments.ablation_run.logits", score_or_die)
    for expected in ({"full.pt"}, {"full.json", "no-transformer.pt"}):
        with pytest.raises(KeyboardInterrupt):
            ablate(manifest, options)
        names = {path.name for path in out.glob("run/*/*.*") if path.suffix in (".pt", ".json")}
        assert names == expected
    (log,) = out.glob("run/*/full.csv")
    steps = [line.split(",")[0] for line in log.read_text().splitlines()[1:]]
    assert steps == ["1", "2"]
    assert not list(out.glob("ablation.*"))


def test_variants_start_from_the_resnet_of_a_bundle(
    small: GridConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All weights other than the ResNet's come from the seed."""
    bundle = load_bundle(DEMO)
    starts: list[tuple[dict[str, Tensor], list[Tensor]]] = []

    def recording_fit(net: FilmNet, *arguments: Any) -> Trained:
        resnet = set(net.backbone().parameters())
        above = [weight.detach().clone() for weight in net.parameters() if weight not in resnet]
        starts.append((copy.deepcopy(net.backbone().state_dict()), above))
        return fit(net, *arguments)

    monkeypatch.setattr("models.experiments.ablation_run.fit", recording_fit)
    options = AblationOptions(tmp_path / "a", small, steps=1, batch=2, seed=1, device="cpu")
    manifest = make_manifest(tmp_path)
    ablate(manifest, options)
    ablate(manifest, replace(options, start=bundle))
    resnet = bundle.net.resnet.state_dict()
    from_seed, from_bundle = starts[: len(VARIANTS)], starts[len(VARIANTS) :]
    assert len(from_bundle) == len(VARIANTS)
    for (weights, above), (_, seeded) in zip(from_bundle, from_seed, strict=True):
        torch.testing.assert_close(weights, resnet)
        torch.testing.assert_close(above, seeded)
    card = bundle.card
    markdown = (tmp_path / "a" / "ablation.md").read_text("utf-8")
    assert f"weights of {card.name} {card.version}, {card.digest}" in markdown


def test_a_resnet_with_a_different_norm_is_refused_before_anything_is_written(
    small: GridConfig, tmp_path: Path
) -> None:
    bundle = load_bundle(DEMO)
    config = replace(small, norm="frozen")
    options = AblationOptions(tmp_path / "a", config, 1, 2, seed=1, device="cpu", start=bundle)
    with pytest.raises(TrainError, match="norm batch, the variants frozen"):
        ablate(make_manifest(tmp_path), options)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ((",train,", ",test,"), (), "no film of the split train"),
        ((",far,test,1", ",far,test,0"), (), "films of one class only"),
        (("19.png,p19,far,test,1", "19.png,p19,far,test,0"), (), "far (1 of 4 with label 1)"),
        (("", ""), ("--batch", "9"), "leave a batch with one film"),
        (("", ""), ("--size", "200"), "200 is not a multiple of 192"),
    ],
)
def test_unusable_input_is_refused_in_one_line(
    osteoscreen: Command,
    tmp_path: Path,
    change: tuple[str, str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    """No file is written."""
    manifest = make_manifest(tmp_path)
    manifest.write_text(manifest.read_text().replace(*change))
    status, output, error = osteoscreen(manifest, "--out", tmp_path / "table", *arguments)
    assert status == 2
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not output
    assert not (tmp_path / "table").exists()


def test_undecodable_films_of_all_splits_are_named(osteoscreen: Command, tmp_path: Path) -> None:
    """One line names these films, and no variant is trained."""
    manifest = make_manifest(tmp_path)
    for n in (3, 20):
        (tmp_path / f"{n}.png").write_bytes(b"no image")
    status, _, error = osteoscreen(manifest, "--out", tmp_path / "table")
    assert status == 2
    assert "row 5" in error
    assert "row 22" in error
    assert [path for path in (tmp_path / "table").rglob("*") if path.is_file()] == []
