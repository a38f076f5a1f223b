"""`osteoscreen model ablate`: all variants trained alike, resumable, or one clear line."""

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
from models.experiments.ablation_run import AblateOptions, ablate
from models.nets.grid import FilmNet, GridConfig
from models.training.loop import Trained, fit
from models.training.manifest_source import Films, logits
from models.training.run import TrainError
from node.cli.main import main
from tests.support.paths import ROOT

Say = Callable[..., tuple[int, str, str]]

DEMO = ROOT / "models" / "bundles" / "demo"


def make_manifest(folder: Path) -> Path:
    """Write 22 films of two hospitals: 10 to train on, 4 of validation, 4 of test at each."""
    rows = ["path,patient_id,site,split,label,t_score,origin"]
    for n in range(22):
        rng = np.random.default_rng(n)
        picture = rng.normal(120, 10, (96, 80)) + 40 * (n % 2)
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(folder / f"{n}.png")
        split = "train" if n < 10 else "validation" if n < 14 else "test"
        site = "far" if n >= 18 else "here"
        rows.append(f"{n}.png,p{n},{site},{split},{n % 2},{-1 - n % 3},simulated")
    file = folder / "films.csv"
    file.write_text("\n".join(rows))
    return file


@pytest.fixture
def osteoscreen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Return a caller of `osteoscreen model ablate`: status, standard output, standard error."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        words = ["osteoscreen", "model", "ablate", *map(str, arguments), "--device", "cpu"]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def test_one_command_trains_all_variants_and_goes_on_where_it_was(
    osteoscreen: Say, tmp_path: Path
) -> None:
    """The same command again gives the same files; a variant that is not finished is trained."""
    manifest, out = make_manifest(tmp_path), tmp_path / "table"
    asked = (manifest, "--out", out, "--steps", "1", "--batch", "2", "--json")
    status, said, _ = osteoscreen(*asked)
    assert status == 0
    table = json.loads(said)
    assert [row["variant"] for row in table["variants"]] == [one.name for one in VARIANTS]
    for row in table["variants"]:
        assert (row["learned"]["steps"], row["learned"]["films"]) == (1, 2)
        assert [(at["site"], at["films"]) for at in row["sites"]] == [("here", 4), ("far", 4)]
    files = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert not any(path.suffix in (".pt", ".part") for path in files)

    assert osteoscreen(*asked)[0] == 0
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == files

    (lost,) = out.glob("run/*/no-thumbnail.json")
    lost.unlink()
    assert osteoscreen(*asked)[0] == 0
    assert json.loads(lost.read_bytes())["logits"] == json.loads(files[lost])["logits"]
    kept = [path for path in files if path.parent == lost.parent and path.stem != lost.stem]
    assert all(path.read_bytes() == files[path] for path in kept)


def test_a_killed_run_costs_only_the_steps_since_its_last_look(
    small: GridConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variant that was trained but not yet scored is not trained again; there is no table yet."""
    manifest, out = make_manifest(tmp_path), tmp_path / "table"
    options = AblateOptions(out, small, steps=2, batch=4, seed=1, device="cpu")
    calls = iter([False, True, False])

    def score_or_die(net: FilmNet, films: Films) -> np.ndarray:
        if next(calls):
            return logits(net, films)
        raise KeyboardInterrupt

    monkeypatch.setattr("models.experiments.ablation_run.logits", score_or_die)
    for there in ({"full.pt"}, {"full.json", "no-transformer.pt"}):
        with pytest.raises(KeyboardInterrupt):
            ablate(manifest, options)
        left = {path.name for path in out.glob("run/*/*.*") if path.suffix in (".pt", ".json")}
        assert left == there
    (log,) = out.glob("run/*/full.csv")
    steps = [line.split(",")[0] for line in log.read_text().splitlines()[1:]]
    assert steps == ["1", "2"]
    assert not list(out.glob("ablation.*"))


def test_every_variant_can_start_from_the_resnet_of_a_bundle(
    small: GridConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of that alone: what is above it differs between variants, and is drawn from the seed."""
    bundle = load_bundle(DEMO)
    starts: list[tuple[dict[str, Tensor], list[Tensor]]] = []

    def fit_noted(net: FilmNet, *others: Any) -> Trained:
        resnet = set(net.backbone().parameters())
        above = [one.detach().clone() for one in net.parameters() if one not in resnet]
        starts.append((copy.deepcopy(net.backbone().state_dict()), above))
        return fit(net, *others)

    monkeypatch.setattr("models.experiments.ablation_run.fit", fit_noted)
    options = AblateOptions(tmp_path / "a", small, steps=1, batch=2, seed=1, device="cpu")
    manifest = make_manifest(tmp_path)
    ablate(manifest, options)
    ablate(manifest, replace(options, start=bundle))
    resnet = bundle.net.resnet.state_dict()
    alone, begun = starts[: len(VARIANTS)], starts[len(VARIANTS) :]
    assert len(begun) == len(VARIANTS)
    for (weights, above), (_, seeded) in zip(begun, alone, strict=True):
        torch.testing.assert_close(weights, resnet)
        torch.testing.assert_close(above, seeded)
    card = bundle.card
    said = (tmp_path / "a" / "ablation.md").read_text("utf-8")
    assert f"weights of {card.name} {card.version}, {card.digest}" in said


def test_a_resnet_of_another_norm_is_refused_before_anything_is_written(
    small: GridConfig, tmp_path: Path
) -> None:
    bundle = load_bundle(DEMO)
    config = replace(small, norm="group")
    options = AblateOptions(tmp_path / "a", config, 1, 2, seed=1, device="cpu", start=bundle)
    with pytest.raises(TrainError, match="norm batch, the variants group"):
        ablate(make_manifest(tmp_path), options)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        ((",train,", ",test,"), (), "no film of the split train"),
        ((",far,test,1", ",far,test,0"), (), "films of one class alone"),
        (("19.png,p19,far,test,1", "19.png,p19,far,test,0"), (), "far (1 of 4 with label 1)"),
        (("", ""), ("--batch", "9"), "leave one film by itself"),
        (("", ""), ("--size", "200"), "200 is not a multiple of 192"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    osteoscreen: Say,
    tmp_path: Path,
    change: tuple[str, str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    """Before anything is written."""
    manifest = make_manifest(tmp_path)
    manifest.write_text(manifest.read_text().replace(*change))
    status, shown, error = osteoscreen(manifest, "--out", tmp_path / "table", *arguments)
    assert status == 2
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert not shown
    assert not (tmp_path / "table").exists()


def test_films_that_do_not_decode_are_named_whatever_their_split(
    osteoscreen: Say, tmp_path: Path
) -> None:
    """All in one line, and no variant is trained."""
    manifest = make_manifest(tmp_path)
    for n in (3, 20):
        (tmp_path / f"{n}.png").write_bytes(b"no picture")
    status, _, error = osteoscreen(manifest, "--out", tmp_path / "table")
    assert status == 2
    assert "row 5" in error
    assert "row 22" in error
    assert [path for path in (tmp_path / "table").rglob("*") if path.is_file()] == []
