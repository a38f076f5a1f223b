"""Does the net learn anything from these films? Train it fold by fold, score what was left out.

Every fold starts from the same weights and is trained by the loop that makes bundles, for a fixed
number of steps. What is kept is a figure and the scores behind it, not a net.
"""

from __future__ import annotations

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
from rich.progress import track

from models.bundle.score import Bundle
from models.dataset.entry import Entry
from models.dataset.manifest import Manifest, cell, read_manifest
from models.evaluation.baseline import band_energies, left_out
from models.evaluation.discrimination import Values
from models.evaluation.folds import (
    POOLING,
    Beside,
    Fold,
    Places,
    beside,
    draw_folds,
    labels_of,
    patients_of,
)
from models.images.read import read_film
from models.io.atomic_file import write_whole
from models.nets.grid import GridConfig, GridNet, resized
from models.training.distributed import Ranks
from models.training.loop import TrainConfig, fit
from models.training.manifest_source import Films, ManifestSource, load_films, logits
from models.training.run import TrainError, device_for, start_in_words

JSON, SCORES = "cross-validation.json", "out-of-fold.csv"
_LOOKS = 10
"""How often a fold's run looks at its validation patients."""


@dataclass(frozen=True)
class Options:
    """What is asked for. ``start`` is a bundle to take weights from, ``batch`` in films."""

    out: Path
    folds: int
    size: int
    steps: int
    batch: int
    seed: int
    device: str
    start: Bundle | None = None


@dataclass(frozen=True)
class Part:
    """One fold: films in each of its parts, cases left out, and the step whose weights scored."""

    train: int
    validation: int
    test: int
    test_cases: int
    best_step: int


@dataclass(frozen=True)
class CrossValidation:
    """What came out, in the order of the JSON file; ``start`` says where every fold began."""

    films: int
    patients: int
    cases: int
    start: str
    size: int
    steps: int
    batch: int
    seed: int
    parts: tuple[Part, ...]
    pooling: str
    measured: Beside


@dataclass(frozen=True)
class _Finished:
    """What a fold leaves: logits of the films left out, and the step whose weights gave them."""

    logits: list[float]
    best_step: int


def cross_validate(file: Path, options: Options) -> CrossValidation:
    """Cross-validate on all films of the manifest ``file``, whatever split it puts them in.

    Leaves JSON and CSV in ``options.out``; broken off, it goes on from the last checkpoint, and
    folds that are done are kept. Raises ManifestError and TrainError.
    """
    net = _start(options)
    where = Ranks(0, 1, torch.device(device_for(options.device)))
    manifest = read_manifest(file)
    folds = draw_folds(manifest.entries, options.folds, options.seed)
    films = load_films(manifest.entries, options.size, options.out / "films")
    run = options.out / "run" / _name(manifest.entries, films, options)
    done = []
    for number, fold in enumerate(folds, 1):
        Console(stderr=True).print(f"fold {number} of {len(folds)}: {len(fold.train)} films")
        # The same start for each: weights of one fold must not reach the next.
        done.append(_fold(copy.deepcopy(net), films, fold, options, (run / f"{number}.pt", where)))
    ridge = left_out(_energies(manifest.entries), manifest.entries, _outer(folds))
    scores = _in_order(folds, [one.logits for one in done])
    found = _report(manifest.entries, folds, done, options, (scores, ridge))
    write_whole(options.out / SCORES, _table(manifest, folds, scores, ridge))
    write_whole(options.out / JSON, json.dumps(asdict(found), indent=2, allow_nan=False) + "\n")
    return found


def _start(options: Options) -> GridNet:
    """The net that every fold starts from; no weight depends on the size of the film."""
    try:
        if options.start is None:
            torch.manual_seed(options.seed)
            return GridNet(GridConfig(size=options.size))
        return resized(options.start.net, options.size)
    except ValueError as error:
        raise TrainError(str(error)) from None


def _name(entries: Sequence[Entry], films: Films, options: Options) -> str:
    """A name that only the same run has: other films, labels, patients or settings, another."""
    start = start_in_words(options.start, options.seed)
    facts = [start, options.folds, options.steps, options.batch, options.seed]
    rows = [(entry.patient_id, entry.label, entry.t_score) for entry in entries]
    digest = hashlib.sha256(json.dumps([facts, rows]).encode())
    digest.update(str(films.pixels.shape).encode())
    digest.update(np.ascontiguousarray(films.pixels).data)
    return digest.hexdigest()[:16]


def _fold(
    net: GridNet, films: Films, fold: Fold, options: Options, run: tuple[Path, Ranks]
) -> _Finished:
    """Train on a fold's patients and score those left out; or bring back what it said before."""
    checkpoint, where = run
    kept = checkpoint.with_suffix(".json")
    if kept.exists():
        return _Finished(**json.loads(kept.read_text("utf-8")))
    source = ManifestSource(
        _some(films, fold.train),
        _some(films, fold.validation),
        options.seed,
        options.size,
        options.batch,
    )
    trained = fit(net, source, _config(options), checkpoint, where)
    said = logits(trained.net, _some(films, fold.test))
    finished = _Finished([float(one) for one in said], trained.done.best_step)
    write_whole(kept, json.dumps(asdict(finished)))
    # Optimiser and three nets of every fold: nothing goes on from a fold that is done.
    checkpoint.unlink()
    return finished


def _config(options: Options) -> TrainConfig:
    """So many steps and no fewer: folds that end at will would be of different training."""
    look = max(1, options.steps // _LOOKS)
    return TrainConfig(steps=options.steps, seed=options.seed, look=look, patience=options.steps)


def _some(films: Films, places: Places) -> Films:
    return Films(films.pixels[places], films.label[places], films.t_score[places])


def _energies(entries: Sequence[Entry]) -> Values:
    shown = track(entries, description="ridge", console=Console(stderr=True))
    return np.stack([band_energies(read_film(entry.path)) for entry in shown])


def _outer(folds: Sequence[Fold]) -> list[tuple[Places, Places]]:
    """The folds as the ridge sees them, which has no checkpoint to choose."""
    return [(np.concatenate([fold.train, fold.validation]), fold.test) for fold in folds]


def _in_order(folds: Sequence[Fold], said: Sequence[Sequence[float]]) -> Values:
    """Scores of all folds, (n,), in the manifest's order."""
    scores = np.empty(sum(len(fold.test) for fold in folds))
    for fold, own in zip(folds, said, strict=True):
        scores[fold.test] = own
    return scores


def _report(
    entries: Sequence[Entry],
    folds: Sequence[Fold],
    done: Sequence[_Finished],
    options: Options,
    scores: tuple[Values, Values],
) -> CrossValidation:
    positive = labels_of(entries)
    return CrossValidation(
        films=len(entries),
        patients=len(set(patients_of(entries))),
        cases=int(positive.sum()),
        start=start_in_words(options.start, options.seed),
        size=options.size,
        steps=options.steps,
        batch=options.batch,
        seed=options.seed,
        parts=tuple(
            Part(
                train=len(fold.train),
                validation=len(fold.validation),
                test=len(fold.test),
                test_cases=int(positive[fold.test].sum()),
                best_step=one.best_step,
            )
            for fold, one in zip(folds, done, strict=True)
        ),
        pooling=POOLING,
        measured=beside(entries, folds, *scores, options.seed),
    )


def _table(manifest: Manifest, folds: Sequence[Fold], net: Values, ridge: Values) -> str:
    """Every film with the scores it was given by models that never saw its patient, as CSV."""
    own = _in_order(folds, [[number] * len(fold.test) for number, fold in enumerate(folds, 1)])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["path", "patient_id", "fold", "label", "logit", "ridge"])
    for at, entry in enumerate(manifest.entries):
        name = cell(entry.path, manifest.file.parent)
        facts = [name, entry.patient_id, int(own[at]), int(entry.label)]
        writer.writerow([*facts, repr(float(net[at])), repr(float(ridge[at]))])
    return stream.getvalue()
