"""`osteoscreen model honesty`: from a cohort's three manifests to verdicts and an exit status."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image
from scipy import ndimage
from torch import Tensor
from typer.testing import CliRunner

from models.bundle.card import Card
from models.bundle.store import write_bundle
from models.dataset.entry import Entry, FilmOrigin, Split
from models.dataset.manifest import read_manifest, write_manifest
from models.evaluation import scores
from models.evaluation.leakage_run import JSON, OFF, PLAIN, SCORES, TWINS
from models.images.preprocess import prepare
from models.images.read import read_film
from models.nets.grid import GridConfig, GridNet
from node.cli.main import app
from node.domain.errors import Misconfigured
from tests.unit.models.bundle.test_store import CARD

SIDE, COUNT = 32, 560


@dataclass(frozen=True)
class World:
    """A cohort's folder, and the bundle that reads its films."""

    cohort: Path
    bundle: Path


def _film(path: Path, seed: int, t_score: float) -> Path:
    """Noise of the seed's own; the denser the bone, the finer it is, and no lighter or darker."""
    rng = np.random.default_rng(seed)
    fine, rough = rng.normal(size=(2, SIDE, SIDE))
    coarse = ndimage.gaussian_filter(rough, 2)
    noise = coarse / coarse.std() + np.exp(0.3 * (t_score + 2)) * fine
    noise *= rng.uniform(0.06, 0.1) / noise.std()
    grey = np.clip(rng.uniform(0.45, 0.55) + noise, 0, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((grey * 65535).astype(np.uint16)).save(path)
    return path


def _write_cohort(folder: Path) -> None:
    """560 test patients of two hospitals, as `model simulate` lists them."""
    rng = np.random.default_rng(1)
    latent = rng.normal(-2.0, 1.2, COUNT)
    measured = (latent + rng.normal(0.0, 0.8, COUNT)).round(2)
    rows: dict[str, list[Entry]] = {PLAIN: [], TWINS: [], OFF: []}
    for number, (bone, t_score) in enumerate(zip(latent.tolist(), measured.tolist(), strict=True)):
        step = 0.8 if number % 2 else -0.8
        film = f"{number}.png"
        entry = Entry(
            path=_film(folder / "films" / film, number, bone),
            patient_id=f"p{number}",
            site="AB"[number % 2],
            split=Split.TEST,
            label=t_score <= -2.5,
            t_score=t_score,
            origin=FilmOrigin.SIMULATED,
        )
        other = round(t_score + step, 2)
        twin = _film(folder / "twins" / film, number, bone + step)
        rows[PLAIN].append(entry)
        rows[TWINS].append(replace(entry, path=twin, t_score=other, label=other <= -2.5))
        rows[OFF].append(replace(entry, path=_film(folder / "density-off" / film, number, -2.0)))
    for name, entries in rows.items():
        write_manifest(folder / name, entries)


def _fit(net: GridNet, folder: Path) -> None:
    """Fit the last layer alone, by ridge regression, to 150 films of known density."""
    densities = np.linspace(-5, 1, 150)
    films = [read_film(_film(folder / "x.png", 9000 + n, t)) for n, t in enumerate(densities)]
    seen: list[Tensor] = []
    hook = net.out.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        net(torch.from_numpy(np.stack([prepare(film, SIDE).array for film in films])))
        hook.remove()
        pooled, wanted = seen[0].double(), torch.from_numpy(-densities - 2.5)
        centred = pooled - pooled.mean(dim=0)
        spread = centred.T @ centred
        ridge = 1e-4 * spread.trace() * torch.eye(len(spread))
        weight = torch.linalg.solve(spread + ridge, centred.T @ (wanted - wanted.mean()))
        net.out.weight[0] = weight.float()
        net.out.bias[0] = float(wanted.mean() - pooled.mean(dim=0) @ weight)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a sound cohort and a small bundle that sees density; do not change them."""
    folder = tmp_path_factory.mktemp("world")
    _write_cohort(folder / "cohort")
    config = GridConfig(size=SIDE, grid=1, dim=16, depth=1, heads=2)
    torch.manual_seed(3)
    net = GridNet(config).eval()
    _fit(net, folder)
    card = Card.model_validate(CARD | {"architecture": vars(config)})
    write_bundle(folder / "bundle", card, net, {})
    return World(folder / "cohort", folder / "bundle")


@pytest.fixture
def spoiled(world: World, tmp_path: Path) -> World:
    """Return the world with a copy of the cohort, to be broken."""
    return World(Path(shutil.copytree(world.cohort, tmp_path / "cohort")), world.bundle)


@pytest.fixture(scope="module")
def out(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Return the folder and the outcome of a finished run; do not change it."""
    folder = tmp_path_factory.mktemp("out")
    return folder, _run(world, folder)


def _run(world: World, out: Path, *more: str) -> Result:
    where = [str(world.cohort), "--bundle", str(world.bundle), "--out", str(out), "--device", "cpu"]
    return CliRunner().invoke(app, ["model", "honesty", *where, *more])


def _verdicts(out: Path) -> dict[str, bool]:
    found = json.loads((out / JSON).read_text("utf-8"))
    return {f"{one['guard']}, {one['cohort']}": one["holds"] for one in found["verdicts"]}


def test_a_sound_model_in_a_sound_world_passes(out: tuple[Path, Result]) -> None:
    folder, done = out
    assert done.exit_code == 0, done.output
    assert _verdicts(folder) == {
        "density off, all hospitals": True,
        "labels permuted, all hospitals": True,
        "twins, all hospitals": True,
        "too good, A": True,
        "too good, B": True,
        "grey level, all hospitals": True,
    }
    found = json.loads((folder / JSON).read_text("utf-8"))
    assert found["holds"]
    assert found["films"] == COUNT
    assert set(found["off_by_site"]) == {"A", "B"}
    area = found["verdicts"][3]["figure"]
    assert 0.6 < area["value"] < 0.97
    assert done.stdout.count("ok") == 6
    assert str(folder / JSON) in done.stdout


def test_density_that_was_not_switched_off_is_found(spoiled: World, tmp_path: Path) -> None:
    """The density-off films still show the patients' own bone: status 1, and the guard is named."""
    for film in (spoiled.cohort / "density-off").iterdir():
        shutil.copyfile(spoiled.cohort / "films" / film.name, film)
    done = _run(spoiled, tmp_path / "out")
    assert done.exit_code == 1
    assert "FAILED" in done.stdout
    failed = {name for name, holds in _verdicts(tmp_path / "out").items() if not holds}
    assert failed == {"density off, all hospitals"}


def test_a_model_that_reads_bone_backwards_is_found(world: World, tmp_path: Path) -> None:
    """Twins move, but the wrong way; a program reads so from standard output."""
    manifest = read_manifest(world.cohort / TWINS)
    turned = Path(shutil.copytree(world.cohort, tmp_path / "cohort"))
    plain = {one.patient_id: one.t_score or 0.0 for one in read_manifest(turned / PLAIN).entries}
    entries = []
    for one in manifest.entries:
        other = round(2 * plain[one.patient_id] - (one.t_score or 0.0), 2)
        entries.append(replace(one, path=turned / "twins" / one.path.name, t_score=other))
    write_manifest(turned / TWINS, entries)
    done = _run(World(turned, world.bundle), tmp_path / "out", "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert [one["guard"] for one in found["verdicts"] if not one["holds"]] == ["twins"]
    assert not found["holds"]


def test_a_broken_run_goes_on_where_it_stopped(
    world: World, out: tuple[Path, Result], tmp_path: Path
) -> None:
    lines = (out[0] / SCORES).read_text().splitlines(keepends=True)
    (tmp_path / SCORES).write_text("".join(lines[: 1 + COUNT]))
    scored: list[int] = []
    score = scores.score

    def counted(bundle: object, films: list[object]) -> list[object]:
        scored.append(len(films))
        return score(bundle, films)  # type: ignore[arg-type,return-value]

    with patch.object(scores, "score", counted):
        assert _run(world, tmp_path).exit_code == 0
    assert sum(scored) == 2 * COUNT
    assert (tmp_path / JSON).read_bytes() == (out[0] / JSON).read_bytes()


def _no_twins(cohort: Path) -> None:
    (cohort / TWINS).unlink()


def _few(cohort: Path) -> None:
    for name in (PLAIN, TWINS, OFF):
        write_manifest(cohort / name, read_manifest(cohort / name).entries[:300])


def _strange_twins(cohort: Path) -> None:
    entries = read_manifest(cohort / TWINS).entries
    write_manifest(cohort / TWINS, [replace(entries[0], patient_id="stray"), *entries[1:]])


def _twins_alike(cohort: Path) -> None:
    entries = read_manifest(cohort / TWINS).entries
    t_score = read_manifest(cohort / PLAIN).entries[0].t_score
    write_manifest(cohort / TWINS, [replace(entries[0], t_score=t_score), *entries[1:]])


def _relabelled(cohort: Path) -> None:
    first, *rest = read_manifest(cohort / OFF).entries
    write_manifest(cohort / OFF, [replace(first, label=not first.label), *rest])


def _broken_film(cohort: Path) -> None:
    (cohort / "twins" / "7.png").write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_twins, ("lacks twins.csv", "simulate --out", "--twins --density-off")),
        (_few, ("300 test films", "chance alone", "1100 patients")),
        (_strange_twins, ("twins.csv", "stray", "simulate them together")),
        (_twins_alike, ("another t_score", "p0")),
        (_relabelled, ("labels of density-off.csv", "p0")),
        (_broken_film, ("row 9", "7.png")),
    ],
)
def test_what_is_no_such_cohort_is_one_clear_line_and_nothing_is_written(
    spoiled: World, tmp_path: Path, spoil: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    spoil(spoiled.cohort)
    done = _run(spoiled, tmp_path / "out")
    assert isinstance(done.exception, Misconfigured)
    assert "\n" not in str(done.exception)
    assert all(word in str(done.exception) for word in words), str(done.exception)
    assert not (tmp_path / "out").exists()
