"""Cross-validation: nobody is scored by a net that saw them, or that was chosen by them."""

import csv
import json
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from models.bundle.card import Card
from models.bundle.store import Bundle, write_bundle
from models.dataset.entry import Entry, ManifestError, Split
from models.evaluation.folds import Fold, beside, draw_folds, ranks_within
from models.experiments import cross_validation
from models.experiments.cross_validation import CrossValidation, Options, cross_validate
from models.nets.grid import GridConfig, GridNet
from models.training.loop import Trained, fit
from node.cli.model import model
from tests.unit.models.bundle.test_store import CARD

SIZE = 192


def people(patients: int, films: int = 2) -> list[Entry]:
    """Return films of so many patients, every third of whom has the label."""
    return [
        Entry(Path(f"{n}-{k}.png"), f"p{n}", "here", Split.TRAIN, n % 3 == 0)
        for n in range(patients)
        for k in range(films)
    ]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of 16 films of 8 patients, half of whom have the label."""
    folder = tmp_path_factory.mktemp("films")
    rows = ["path,patient_id,site,split,label"]
    for number in range(16):
        label = number // 2 % 2
        film = np.random.default_rng(number).normal(120, 10, (96, 80))
        film[:, 38:42] += 60 * label
        Image.fromarray(np.clip(film, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,p{number // 2},here,train,{label}")
    (folder / "films.csv").write_text("\n".join(rows))
    return folder / "films.csv"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return a small bundle for films of another size."""
    config = GridConfig(size=2 * SIZE, dim=32, depth=1, heads=2)
    card = Card.model_validate(CARD | {"architecture": vars(config)})
    return write_bundle(tmp_path_factory.mktemp("bundle"), card, GridNet(config).eval(), {})


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle) -> Options:
    """Return the shortest run there is."""
    return Options(tmp_path_factory.mktemp("whole"), 2, SIZE, 1, 4, 1, "cpu", bundle)


@pytest.fixture(scope="module")
def whole(manifest: Path, options: Options) -> CrossValidation:
    """Return what that run, unbroken, came to; its files lie in ``options.out``."""
    return cross_validate(manifest, options)


def test_no_patient_is_in_two_parts_of_a_fold() -> None:
    """Learned from, chosen by, left out: three sets of patients, and together they are all."""
    entries = people(40)
    for fold in draw_folds(entries, 5, seed=1):
        parts = [fold.train, fold.validation, fold.test]
        owners = [{entries[at].patient_id for at in part} for part in parts]
        assert not any(one & other for one, other in combinations(owners, 2))
        assert set().union(*owners) == {entry.patient_id for entry in entries}


def test_each_film_is_left_out_once() -> None:
    folds = draw_folds(people(40), 5, seed=1)
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(80))


def test_every_part_has_the_classes_of_the_whole() -> None:
    entries = people(90)
    for fold in draw_folds(entries, 5, seed=1):
        for part in (fold.train, fold.validation, fold.test):
            assert np.mean([entries[at].label for at in part]) == pytest.approx(1 / 3, abs=0.05)
        assert len(fold.validation) == pytest.approx(len(fold.train) / 5, abs=4)


def test_the_seed_alone_decides_the_folds() -> None:
    def drawn(seed: int) -> list[list[int]]:
        return [fold.train.tolist() for fold in draw_folds(people(40), 5, seed)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_the_split_of_a_film_is_of_no_account() -> None:
    entries = people(40)
    others = [replace(one, split=list(Split)[at % 3]) for at, one in enumerate(entries)]
    for one, other in zip(draw_folds(entries, 5, 1), draw_folds(others, 5, 1), strict=True):
        assert np.array_equal(one.train, other.train)


@pytest.mark.parametrize(
    ("entries", "folds", "complaint"),
    [
        (people(9), 5, "too few patients with label 1 for 5 folds: 3"),
        (people(2), 2, "too few patients with label 1 for 2 folds: 1"),
        (people(6), 2, "films of one class alone"),
    ],
)
def test_too_few_patients_are_refused(entries: list[Entry], folds: int, complaint: str) -> None:
    """By class, and by what is left of a class in the smallest part."""
    with pytest.raises(ManifestError, match=complaint):
        draw_folds(entries, folds, seed=1)


def test_a_net_that_scores_higher_throughout_is_no_better_for_it() -> None:
    """Logits of two nets share no scale: their ranks are pooled, one fold like the other."""
    folds = [
        Fold(np.arange(0), np.arange(0), np.arange(0, 8)),
        Fold(np.arange(0), np.arange(0), np.arange(8, 16)),
    ]
    scores = np.random.default_rng(0).normal(size=16)
    shifted = scores + np.repeat([0.0, 100.0], 8)
    assert np.array_equal(ranks_within(scores, folds), ranks_within(shifted, folds))
    assert ranks_within(np.zeros(16), folds) == pytest.approx(0.5)


def test_what_is_measured_of_perfect_and_of_blind_scores() -> None:
    entries = people(30, films=1)
    folds = draw_folds(entries, 5, seed=1)
    right = np.array([float(entry.label) for entry in entries])
    found = beside(entries, folds, right, np.zeros(30), seed=1)
    assert found.net.folds == (1.0,) * 5
    assert found.net.pooled.value == found.net.by_patient.value == found.net.mean == 1.0
    assert found.ridge.pooled.value == 0.5
    assert found.difference.difference.value == 0.5


def test_every_film_gets_a_logit_from_a_bundles_weights(
    whole: CrossValidation, options: Options
) -> None:
    """The bundle takes films of another size, which no weight depends on."""
    assert whole.start.startswith("weights of test 0, sha256:")
    assert [(part.train + part.validation, part.test) for part in whole.parts] == [(8, 8)] * 2
    rows = list(csv.DictReader((options.out / cross_validation.SCORES).open()))
    assert [row["path"] for row in rows] == [f"{number}.png" for number in range(16)]
    by_patient: dict[str, set[str]] = {}
    for row in rows:
        by_patient.setdefault(row["patient_id"], set()).add(row["fold"])
    assert all(len(folds) == 1 for folds in by_patient.values())
    assert len({row["logit"] for row in rows}) > 2


def test_a_broken_run_keeps_the_folds_that_are_done(
    manifest: Path,
    whole: CrossValidation,
    options: Options,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Broken off in the second fold, it trains that one alone, to the same figures."""
    again, trained = replace(options, out=tmp_path), []

    def breaking(*arguments: Any) -> Trained:
        trained.append(arguments[3].name)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return fit(*arguments)

    monkeypatch.setattr(cross_validation, "fit", breaking)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(manifest, again)
    assert not (tmp_path / cross_validation.JSON).exists()
    assert cross_validate(manifest, again) == whole
    assert trained == ["1.pt", "2.pt", "2.pt"]
    assert not list(tmp_path.rglob("*.pt"))


def test_folds_of_other_labels_do_not_answer(
    manifest: Path,
    whole: CrossValidation,
    options: Options,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same films in the same folder with two labels exchanged are trained anew."""
    rows = manifest.read_text().splitlines()
    rows[1], rows[3] = rows[1].replace(",0", ",1"), rows[3].replace(",1", ",0")
    other = manifest.with_name("exchanged.csv")
    other.write_text("\n".join(rows))

    def training(*arguments: Any) -> Trained:
        raise KeyboardInterrupt

    monkeypatch.setattr(cross_validation, "fit", training)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(other, options)
    assert cross_validate(manifest, options) == whole


def invoke(*arguments: str | Path) -> Result:
    """Run the command on the smallest films."""
    small = ["--size", str(SIZE), "--steps", "1", "--batch", "4", "--device", "cpu"]
    return CliRunner().invoke(model, ["cross-validate", *map(str, arguments), *small])


def test_a_program_reads_the_figures_from_standard_output(
    manifest: Path, bundle: Bundle, whole: CrossValidation, options: Options
) -> None:
    """The command goes on where the run above ended; bars stand on standard error."""
    start = ["--from", bundle.path, "--folds", "2", "--json"]
    done = invoke(manifest, "--out", options.out, *start)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == json.loads(json.dumps(asdict(whole)))
    assert "fold 2 of 2" in done.stderr


def test_from_scratch_people_read_areas_beside_the_ridges(manifest: Path, tmp_path: Path) -> None:
    done = invoke(manifest, "--out", tmp_path, "--folds", "2")
    assert done.exit_code == 0, done.output
    assert "16 films, 2 folds, from scratch, seed 1" in done.stdout
    assert done.stdout.count("AUC ") == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--folds", "5"], "for 5 folds: 4"),
        (["--folds", "2", "--from", "./nothing"], "nothing is not a bundle"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    manifest: Path, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    """Before anything is written."""
    done = invoke(manifest, "--out", tmp_path / "out", *arguments)
    assert complaint in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_one_class_alone_is_refused(manifest: Path, tmp_path: Path) -> None:
    single = manifest.with_name("single.csv")
    single.write_text(manifest.read_text().replace(",train,1", ",train,0"))
    done = invoke(single, "--out", tmp_path / "out")
    assert "one class alone" in str(done.exception)
