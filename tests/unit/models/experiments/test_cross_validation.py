"""Cross-validation never scores a patient with a net trained or selected on that patient."""

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
from models.evaluation.folds import Fold, compare_on_folds, draw_folds, ranks_within
from models.experiments import cross_validation
from models.experiments.cross_validation import (
    CrossValidationOptions,
    CrossValidationReport,
    cross_validate,
)
from models.nets.grid import GridConfig, GridNet
from models.training.loop import Trained, fit
from node.cli.model import model
from tests.unit.models.bundle.test_store import CARD

pytestmark = pytest.mark.slow

SIZE = 192


def people(patients: int, films: int = 2) -> list[Entry]:
    """Return films of this many patients; every third patient has label 1."""
    return [
        Entry(Path(f"{n}-{k}.png"), f"p{n}", "here", Split.TRAIN, n % 3 == 0)
        for n in range(patients)
        for k in range(films)
    ]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of 16 films of 8 patients; half of the patients have label 1."""
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
    """Return a small bundle for films of a different size."""
    config = GridConfig(size=2 * SIZE, dim=32, depth=1, heads=2)
    card = Card.model_validate(CARD | {"architecture": vars(config)})
    return write_bundle(tmp_path_factory.mktemp("bundle"), card, GridNet(config).eval(), {})


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle) -> CrossValidationOptions:
    """Return options for a very short run."""
    return CrossValidationOptions(
        tmp_path_factory.mktemp("complete"), 2, SIZE, 1, 4, 1, "cpu", bundle
    )


@pytest.fixture(scope="module")
def complete(manifest: Path, options: CrossValidationOptions) -> CrossValidationReport:
    """Return the report of an uninterrupted run; its files are in ``options.out``."""
    return cross_validate(manifest, options)


def test_no_patient_is_in_two_parts_of_a_fold() -> None:
    """Each patient is either in training, validation or test of a fold."""
    entries = people(40)
    for fold in draw_folds(entries, 5, seed=1):
        parts = [fold.train, fold.validation, fold.test]
        owners = [{entries[index].patient_id for index in part} for part in parts]
        assert not any(first & second for first, second in combinations(owners, 2))
        assert set().union(*owners) == {entry.patient_id for entry in entries}


def test_each_film_is_tested_once() -> None:
    folds = draw_folds(people(40), 5, seed=1)
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(80))


def test_every_part_is_stratified_by_label() -> None:
    entries = people(90)
    for fold in draw_folds(entries, 5, seed=1):
        for part in (fold.train, fold.validation, fold.test):
            assert np.mean([entries[index].label for index in part]) == pytest.approx(
                1 / 3, abs=0.05
            )
        assert len(fold.validation) == pytest.approx(len(fold.train) / 5, abs=4)


def test_the_folds_depend_on_the_seed_alone() -> None:
    def train_parts(seed: int) -> list[list[int]]:
        return [fold.train.tolist() for fold in draw_folds(people(40), 5, seed)]

    assert train_parts(1) == train_parts(1)
    assert train_parts(1) != train_parts(2)


def test_the_column_split_is_ignored() -> None:
    entries = people(40)
    changed = [replace(entry, split=list(Split)[index % 3]) for index, entry in enumerate(entries)]
    for first, second in zip(draw_folds(entries, 5, 1), draw_folds(changed, 5, 1), strict=True):
        assert np.array_equal(first.train, second.train)


@pytest.mark.parametrize(
    ("entries", "folds", "message"),
    [
        (people(9), 5, "too few patients with label 1 for 5 folds: 3"),
        (people(2), 2, "too few patients with label 1 for 2 folds: 1"),
        (people(6), 2, "films of one class only"),
    ],
)
def test_too_few_patients_are_refused(entries: list[Entry], folds: int, message: str) -> None:
    """The manifest and each part of a fold need enough patients of each class."""
    with pytest.raises(ManifestError, match=message):
        draw_folds(entries, folds, seed=1)


def test_a_constant_shift_of_one_folds_scores_does_not_change_the_ranks() -> None:
    folds = [
        Fold(np.arange(0), np.arange(0), np.arange(0, 8)),
        Fold(np.arange(0), np.arange(0), np.arange(8, 16)),
    ]
    scores = np.random.default_rng(0).normal(size=16)
    shifted = scores + np.repeat([0.0, 100.0], 8)
    assert np.array_equal(ranks_within(scores, folds), ranks_within(shifted, folds))
    assert ranks_within(np.zeros(16), folds) == pytest.approx(0.5)


def test_perfect_and_constant_scores_have_the_expected_auc() -> None:
    entries = people(30, films=1)
    folds = draw_folds(entries, 5, seed=1)
    perfect = np.array([float(entry.label) for entry in entries])
    comparison = compare_on_folds(entries, folds, perfect, np.zeros(30), seed=1)
    assert comparison.net.folds == (1.0,) * 5
    assert (
        comparison.net.pooled.value == comparison.net.by_patient.value == comparison.net.mean == 1.0
    )
    assert comparison.ridge.pooled.value == 0.5
    assert comparison.difference.difference.value == 0.5


def test_every_film_gets_a_logit(
    complete: CrossValidationReport, options: CrossValidationOptions
) -> None:
    """The bundle has a different film size; the weights do not depend on the film size."""
    assert complete.start.startswith("weights of test 0, sha256:")
    assert [(part.train + part.validation, part.test) for part in complete.folds] == [(8, 8)] * 2
    rows = list(csv.DictReader((options.out / cross_validation.SCORES).open()))
    assert [row["path"] for row in rows] == [f"{number}.png" for number in range(16)]
    by_patient: dict[str, set[str]] = {}
    for row in rows:
        by_patient.setdefault(row["patient_id"], set()).add(row["fold"])
    assert all(len(folds) == 1 for folds in by_patient.values())
    assert len({row["logit"] for row in rows}) > 2


def test_an_interrupted_run_reuses_finished_folds(
    manifest: Path,
    complete: CrossValidationReport,
    options: CrossValidationOptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After an interruption in the second fold, only this fold is trained, with equal results."""
    again, trained = replace(options, out=tmp_path), []

    def interrupted(*arguments: Any) -> Trained:
        trained.append(arguments[3].name)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return fit(*arguments)

    monkeypatch.setattr(cross_validation, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(manifest, again)
    assert not (tmp_path / cross_validation.JSON).exists()
    assert cross_validate(manifest, again) == complete
    assert trained == ["1.pt", "2.pt", "2.pt"]
    assert not list(tmp_path.rglob("*.pt"))


def test_stored_folds_are_not_reused_for_different_labels(
    manifest: Path,
    complete: CrossValidationReport,
    options: CrossValidationOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same films in the same folder with two labels exchanged are trained again."""
    rows = manifest.read_text().splitlines()
    rows[1], rows[3] = rows[1].replace(",0", ",1"), rows[3].replace(",1", ",0")
    exchanged = manifest.with_name("exchanged.csv")
    exchanged.write_text("\n".join(rows))

    def training(*arguments: Any) -> Trained:
        raise KeyboardInterrupt

    monkeypatch.setattr(cross_validation, "fit", training)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(exchanged, options)
    assert cross_validate(manifest, options) == complete


def invoke(*arguments: str | Path) -> Result:
    """Run the command on the smallest films."""
    small = ["--size", str(SIZE), "--steps", "1", "--batch", "4", "--device", "cpu"]
    return CliRunner().invoke(model, ["cross-validate", *map(str, arguments), *small])


def test_json_is_written_to_standard_output(
    manifest: Path, bundle: Bundle, complete: CrossValidationReport, options: CrossValidationOptions
) -> None:
    """The command reuses the finished run. Progress is written to standard error."""
    start = ["--from", bundle.path, "--folds", "2", "--json"]
    result = invoke(manifest, "--out", options.out, *start)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == json.loads(json.dumps(asdict(complete)))
    assert "fold 2 of 2" in result.stderr


def test_the_command_prints_the_auc_of_net_and_ridge(manifest: Path, tmp_path: Path) -> None:
    result = invoke(manifest, "--out", tmp_path, "--folds", "2")
    assert result.exit_code == 0, result.output
    assert "16 films, 2 folds, from scratch, seed 1" in result.stdout
    assert result.stdout.count("AUC ") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--folds", "5"], "for 5 folds: 4"),
        (["--folds", "2", "--from", "./nothing"], "nothing is not a bundle"),
    ],
)
def test_unusable_input_is_refused(
    manifest: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    """No file is written."""
    result = invoke(manifest, "--out", tmp_path / "out", *arguments)
    assert message in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_manifest_with_one_class_is_refused(manifest: Path, tmp_path: Path) -> None:
    single = manifest.with_name("single.csv")
    single.write_text(manifest.read_text().replace(",train,1", ",train,0"))
    result = invoke(single, "--out", tmp_path / "out")
    assert "one class only" in str(result.exception)
