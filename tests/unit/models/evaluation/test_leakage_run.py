"""`osteoscreen model leakage` checks a cohort of three manifests and sets the exit status."""

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
from models.evaluation import image_scores
from models.evaluation.leakage_run import DENSITY_OFF, JSON, ORIGINALS, SCORES, TWINS
from models.images.preprocess import prepare
from models.images.read import read_film
from models.io.errors import InputError
from models.nets.grid import GridConfig, GridNet
from node.cli.main import app
from node.domain.errors import Misconfigured
from tests.unit.models.bundle.test_store import CARD

pytestmark = [pytest.mark.usefixtures("narrow_resnet"), pytest.mark.slow]

SIDE, COUNT = 32, 560


@dataclass(frozen=True)
class Setup:
    """The folders of a cohort and of a bundle that scores the cohort's films."""

    cohort: Path
    bundle: Path


def _film(path: Path, seed: int, t_score: float) -> Path:
    """Write a film of noise that is finer at a higher T-score, with the same grey level."""
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
    """Write films and manifests of 560 test patients at two sites, as `model simulate` does."""
    rng = np.random.default_rng(1)
    latent = rng.normal(-2.0, 1.2, COUNT)
    measured = (latent + rng.normal(0.0, 0.8, COUNT)).round(2)
    rows: dict[str, list[Entry]] = {ORIGINALS: [], TWINS: [], DENSITY_OFF: []}
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
        twin_t_score = round(t_score + step, 2)
        twin = _film(folder / "twins" / film, number, bone + step)
        rows[ORIGINALS].append(entry)
        rows[TWINS].append(
            replace(entry, path=twin, t_score=twin_t_score, label=twin_t_score <= -2.5)
        )
        rows[DENSITY_OFF].append(
            replace(entry, path=_film(folder / "density-off" / film, number, -2.0))
        )
    for name, entries in rows.items():
        write_manifest(folder / name, entries)


def _fit(net: GridNet, folder: Path) -> None:
    """Fit only the last layer, by ridge regression, to 150 films of known density."""
    densities = np.linspace(-5, 1, 150)
    films = [read_film(_film(folder / "x.png", 9000 + n, t)) for n, t in enumerate(densities)]
    inputs: list[Tensor] = []
    hook = net.out.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0]))
    with torch.no_grad():
        net(torch.from_numpy(np.stack([prepare(film, SIDE).array for film in films])))
        hook.remove()
        pooled, target = inputs[0].double(), torch.from_numpy(-densities - 2.5)
        centred = pooled - pooled.mean(dim=0)
        spread = centred.T @ centred
        ridge = 1e-4 * spread.trace() * torch.eye(len(spread))
        weight = torch.linalg.solve(spread + ridge, centred.T @ (target - target.mean()))
        net.out.weight[0] = weight.float()
        net.out.bias[0] = float(target.mean() - pooled.mean(dim=0) @ weight)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    """Return a cohort without leakage, and a bundle that measures density; do not change them."""
    folder = tmp_path_factory.mktemp("setup")
    _write_cohort(folder / "cohort")
    config = GridConfig(size=SIDE, grid=1, dim=16, depth=1, heads=2)
    torch.manual_seed(3)
    net = GridNet(config).eval()
    _fit(net, folder)
    card = Card.model_validate(CARD | {"architecture": vars(config)})
    write_bundle(folder / "bundle", card, net, {})
    return Setup(folder / "cohort", folder / "bundle")


@pytest.fixture
def changeable(setup: Setup, tmp_path: Path) -> Setup:
    """Return the setup with a copy of the cohort; a test may change this copy."""
    return Setup(Path(shutil.copytree(setup.cohort, tmp_path / "cohort")), setup.bundle)


@pytest.fixture(scope="module")
def out(setup: Setup, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Return the folder and the result of a finished run; do not change it."""
    folder = tmp_path_factory.mktemp("out")
    return folder, _run(setup, folder)


def _run(setup: Setup, out: Path, *more: str) -> Result:
    arguments = [
        str(setup.cohort),
        "--bundle",
        str(setup.bundle),
        "--out",
        str(out),
        "--device",
        "cpu",
    ]
    return CliRunner().invoke(app, ["model", "leakage", *arguments, *more])


def _checks(out: Path) -> dict[str, bool]:
    report = json.loads((out / JSON).read_text("utf-8"))
    return {f"{check['name']}, {check['cohort']}": check["holds"] for check in report["checks"]}


def test_a_model_without_leakage_passes_all_checks(out: tuple[Path, Result]) -> None:
    folder, result = out
    assert result.exit_code == 0, result.output
    assert _checks(folder) == {
        "density off, all hospitals": True,
        "permuted labels, all hospitals": True,
        "twins, all hospitals": True,
        "plausible AUC, A": True,
        "plausible AUC, B": True,
        "grey level, all hospitals": True,
    }
    report = json.loads((folder / JSON).read_text("utf-8"))
    assert report["holds"]
    assert report["films"] == COUNT
    assert set(report["density_off_by_site"]) == {"A", "B"}
    area = report["checks"][3]["estimate"]
    assert 0.6 < area["value"] < 0.97
    assert result.stdout.count("ok") == 6
    assert str(folder / JSON) in result.stdout


def test_films_that_still_show_density_fail_the_density_off_check(
    changeable: Setup, tmp_path: Path
) -> None:
    """The density-off films show the patients' density; the status is 1, the check is named."""
    for film in (changeable.cohort / "density-off").iterdir():
        shutil.copyfile(changeable.cohort / "films" / film.name, film)
    result = _run(changeable, tmp_path / "out")
    assert result.exit_code == 1
    assert "FAILED" in result.stdout
    failed = {name for name, holds in _checks(tmp_path / "out").items() if not holds}
    assert failed == {"density off, all hospitals"}


def test_a_score_in_the_wrong_direction_fails_the_twin_check(setup: Setup, tmp_path: Path) -> None:
    """The scores of twins change in the wrong direction; `--json` prints the result."""
    manifest = read_manifest(setup.cohort / TWINS)
    reversed_cohort = Path(shutil.copytree(setup.cohort, tmp_path / "cohort"))
    originals = read_manifest(reversed_cohort / ORIGINALS).entries
    t_scores = {entry.patient_id: entry.t_score or 0.0 for entry in originals}
    entries = []
    for twin in manifest.entries:
        t_score = round(2 * t_scores[twin.patient_id] - (twin.t_score or 0.0), 2)
        path = reversed_cohort / "twins" / twin.path.name
        entries.append(replace(twin, path=path, t_score=t_score))
    write_manifest(reversed_cohort / TWINS, entries)
    result = _run(Setup(reversed_cohort, setup.bundle), tmp_path / "out", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert [check["name"] for check in report["checks"] if not check["holds"]] == ["twins"]
    assert not report["holds"]


def test_an_interrupted_run_resumes(setup: Setup, out: tuple[Path, Result], tmp_path: Path) -> None:
    lines = (out[0] / SCORES).read_text().splitlines(keepends=True)
    (tmp_path / SCORES).write_text("".join(lines[: 1 + COUNT]))
    scored: list[int] = []
    score = image_scores.score

    def counted(bundle: object, films: list[object]) -> list[object]:
        scored.append(len(films))
        return score(bundle, films)  # type: ignore[arg-type,return-value]

    with patch.object(image_scores, "score", counted):
        assert _run(setup, tmp_path).exit_code == 0
    assert sum(scored) == 2 * COUNT
    assert (tmp_path / JSON).read_bytes() == (out[0] / JSON).read_bytes()


def _no_twins(cohort: Path) -> None:
    (cohort / TWINS).unlink()


def _few(cohort: Path) -> None:
    for name in (ORIGINALS, TWINS, DENSITY_OFF):
        write_manifest(cohort / name, read_manifest(cohort / name).entries[:300])


def _unmatched_twins(cohort: Path) -> None:
    entries = read_manifest(cohort / TWINS).entries
    write_manifest(cohort / TWINS, [replace(entries[0], patient_id="unmatched"), *entries[1:]])


def _equal_twins(cohort: Path) -> None:
    entries = read_manifest(cohort / TWINS).entries
    t_score = read_manifest(cohort / ORIGINALS).entries[0].t_score
    write_manifest(cohort / TWINS, [replace(entries[0], t_score=t_score), *entries[1:]])


def _changed_label(cohort: Path) -> None:
    first, *others = read_manifest(cohort / DENSITY_OFF).entries
    write_manifest(cohort / DENSITY_OFF, [replace(first, label=not first.label), *others])


def _broken_film(cohort: Path) -> None:
    (cohort / "twins" / "7.png").write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (_no_twins, ("lacks twins.csv", "simulate --out", "--twins --density-off")),
        (_few, ("300 test films", "by chance", "1100 patients")),
        (_unmatched_twins, ("twins.csv", "unmatched", "simulate them together")),
        (_equal_twins, ("t_score is missing or equal", "p0")),
        (_changed_label, ("labels of density-off.csv", "p0")),
        (_broken_film, ("row 9", "7.png")),
    ],
)
def test_an_unusable_cohort_gives_one_line_and_no_files(
    changeable: Setup, tmp_path: Path, damage: Callable[[Path], None], expected: tuple[str, ...]
) -> None:
    damage(changeable.cohort)
    result = _run(changeable, tmp_path / "out")
    assert isinstance(result.exception, InputError)
    assert "\n" not in str(result.exception)
    assert all(text in str(result.exception) for text in expected), str(result.exception)
    assert not (tmp_path / "out").exists()


def test_the_old_name_of_the_command_is_refused_with_the_new_name() -> None:
    """The command was renamed from `model honesty`; its exit status is 2."""
    result = CliRunner().invoke(app, ["model", "honesty", "cohort", "--out", "out"])
    assert isinstance(result.exception, Misconfigured)
    assert "run osteoscreen model leakage" in str(result.exception)
