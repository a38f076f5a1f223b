"""Cross-validation of the training by patient (`osteoscreen model cross-validate`).

Every fold starts from the same weights and trains for a fixed number of steps. Folds and bundles
use the same training loop. The results are AUCs and held-out scores; the nets are discarded.
"""

import copy
import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from models.bundle.score import Bundle
from models.calibration.auc import Values
from models.dataset.entry import Entry
from models.dataset.manifest import Manifest, read_manifest, to_cell
from models.evaluation.baseline import band_energies, held_out_scores
from models.evaluation.folds import (
    POOLING,
    Fold,
    FoldComparison,
    compare_on_folds,
    draw_folds,
    labels_of,
    patients_of,
)
from models.images.read import read_film
from models.io.atomic_file import write_atomically
from models.io.progress import track
from models.nets.grid import GridNet
from models.training.distributed import Ranks
from models.training.loop import TrainConfig, fit
from models.training.manifest_source import Films, ManifestSource, load_films, logits
from models.training.run import describe_start, initial_net, select_device

JSON, SCORES = "cross-validation.json", "out-of-fold.csv"
_VALIDATIONS = 10
"""Number of validations in the training of a fold."""


@dataclass(frozen=True)
class CrossValidationOptions:
    """``start`` is the bundle with the initial weights, ``batch`` the number of films per step."""

    out: Path
    folds: int
    size: int
    steps: int
    batch: int
    seed: int
    device: str
    start: Bundle | None = None


@dataclass(frozen=True)
class FoldSummary:
    """Number of films in each part of a fold, number of positive test films, and selected step."""

    train: int
    validation: int
    test: int
    test_cases: int
    best_step: int


@dataclass(frozen=True)
class CrossValidationReport:
    """Content of the JSON report; ``start`` describes the initial weights of every fold."""

    films: int
    patients: int
    cases: int
    start: str
    size: int
    steps: int
    batch: int
    seed: int
    folds: tuple[FoldSummary, ...]
    pooling: str
    results: FoldComparison


@dataclass(frozen=True)
class _FoldResult:
    """Logits for the test films of a fold, and the step of the selected checkpoint."""

    logits: list[float]
    best_step: int


def cross_validate(file: Path, options: CrossValidationOptions) -> CrossValidationReport:
    """Cross-validate on all films of the manifest ``file``; its column ``split`` is ignored.

    JSON and CSV are written to ``options.out``. An interrupted run resumes from the last checkpoint
    and reuses finished folds. Raises ManifestError and TrainError.
    """
    net = initial_net(options.start, options.size, options.seed)
    ranks = Ranks(0, 1, torch.device(select_device(options.device)))
    manifest = read_manifest(file)
    folds = draw_folds(manifest.entries, options.folds, options.seed)
    films = load_films(manifest.entries, options.size, options.out / "films")
    run = options.out / "run" / _run_key(manifest.entries, films, options)
    results = []
    for number, fold in enumerate(folds, 1):
        Console(stderr=True).print(f"fold {number} of {len(folds)}: {len(fold.train)} films")
        # Each fold trains a copy, so the weights of a fold do not affect the next fold.
        checkpoint = run / f"{number}.pt"
        results.append(_train_fold(copy.deepcopy(net), films, fold, options, (checkpoint, ranks)))
    energies = [band_energies(read_film(entry.path)) for entry in track(manifest.entries, "ridge")]
    # The ridge needs no checkpoint, so it also trains on the validation films.
    ridge_folds = [(np.concatenate([fold.train, fold.validation]), fold.test) for fold in folds]
    ridge = held_out_scores(np.stack(energies), manifest.entries, ridge_folds)
    scores = _in_order(folds, [result.logits for result in results])
    report = _report(manifest.entries, folds, results, options, (scores, ridge))
    write_atomically(options.out / SCORES, _table(manifest, folds, scores, ridge))
    write_atomically(
        options.out / JSON, json.dumps(asdict(report), indent=2, allow_nan=False) + "\n"
    )
    return report


def _run_key(entries: Sequence[Entry], films: Films, options: CrossValidationOptions) -> str:
    """Return a hash of the films, labels, patients and settings."""
    start = describe_start(options.start, options.seed)
    settings = [start, options.folds, options.steps, options.batch, options.seed]
    rows = [(entry.patient_id, entry.label, entry.t_score) for entry in entries]
    digest = hashlib.sha256(json.dumps([settings, rows]).encode())
    digest.update(str(films.pixels.shape).encode())
    digest.update(np.ascontiguousarray(films.pixels).data)
    return digest.hexdigest()[:16]


def _train_fold(
    net: GridNet, films: Films, fold: Fold, options: CrossValidationOptions, run: tuple[Path, Ranks]
) -> _FoldResult:
    """Train and test one fold, or return the stored result of an earlier run."""
    checkpoint, ranks = run
    stored = checkpoint.with_suffix(".json")
    if stored.exists():
        return _FoldResult(**json.loads(stored.read_text("utf-8")))
    source = ManifestSource(
        films.select(fold.train),
        films.select(fold.validation),
        options.seed,
        options.size,
        options.batch,
    )
    trained = fit(net, source, _train_config(options), checkpoint, ranks)
    test_logits = logits(trained.net, films.select(fold.test))
    result = _FoldResult(test_logits.tolist(), trained.progress.best_step)
    write_atomically(stored, json.dumps(asdict(result)))
    # The checkpoint of a finished fold (optimiser and three nets) is no longer needed.
    checkpoint.unlink()
    return result


def _train_config(options: CrossValidationOptions) -> TrainConfig:
    """Return settings that train all folds for the same number of steps."""
    interval = max(1, options.steps // _VALIDATIONS)
    return TrainConfig(
        steps=options.steps, seed=options.seed, validate_every=interval, patience=options.steps
    )


def _in_order(folds: Sequence[Fold], fold_scores: Sequence[Sequence[float]]) -> Values:
    """Return the scores of all folds, (n,), in the manifest's order."""
    scores = np.empty(sum(len(fold.test) for fold in folds))
    for fold, test_scores in zip(folds, fold_scores, strict=True):
        scores[fold.test] = test_scores
    return scores


def _report(
    entries: Sequence[Entry],
    folds: Sequence[Fold],
    results: Sequence[_FoldResult],
    options: CrossValidationOptions,
    scores: tuple[Values, Values],
) -> CrossValidationReport:
    positive = labels_of(entries)
    return CrossValidationReport(
        films=len(entries),
        patients=len(set(patients_of(entries))),
        cases=int(positive.sum()),
        start=describe_start(options.start, options.seed),
        size=options.size,
        steps=options.steps,
        batch=options.batch,
        seed=options.seed,
        folds=tuple(
            FoldSummary(
                train=len(fold.train),
                validation=len(fold.validation),
                test=len(fold.test),
                test_cases=int(positive[fold.test].sum()),
                best_step=result.best_step,
            )
            for fold, result in zip(folds, results, strict=True)
        ),
        pooling=POOLING,
        results=compare_on_folds(entries, folds, *scores, options.seed),
    )


def _table(manifest: Manifest, folds: Sequence[Fold], net: Values, ridge: Values) -> str:
    """Return the held-out scores of every film as CSV."""
    fold_of = _in_order(folds, [[number] * len(fold.test) for number, fold in enumerate(folds, 1)])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["path", "patient_id", "fold", "label", "logit", "ridge"])
    for index, entry in enumerate(manifest.entries):
        path = to_cell(entry.path, manifest.file.parent)
        cells = [path, entry.patient_id, int(fold_of[index]), int(entry.label)]
        writer.writerow([*cells, repr(float(net[index])), repr(float(ridge[index]))])
    return stream.getvalue()
