"""One run of training, from films to a bundle: what `osteoscreen model train` does."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from models.bundle.score import Bundle
from models.bundle.store import add_gate, load_bundle
from models.dataset.entry import ManifestError, Split
from models.dataset.manifest import Manifest, read_manifest
from models.io.errors import InputError
from models.nets.grid import GridConfig, GridNet, with_size
from models.simulate.anatomy import cache_folder
from models.training.build_bundle import training_record
from models.training.build_from_manifest import origin_of, release_listed
from models.training.build_from_simulation import SIMULATED, release_rendered
from models.training.distributed import Ranks, ranks
from models.training.loop import TrainConfig, fit
from models.training.manifest_source import ManifestSource, load_films
from models.training.simulated_batches import CALIBRATE, TEST, TRAIN, render_variants
from models.training.simulated_source import SimulatedSource, kept_for_calibration


class TrainError(InputError):
    """The run cannot be started as asked; one line says why."""


@dataclass(frozen=True)
class TrainOptions:
    """What a run is asked to do.

    Without a manifest films are rendered while the net trains. ``start`` is a bundle to take
    weights from, ``batch`` in films.
    """

    out: Path
    manifest: Path | None
    size: int
    minutes: float
    steps: int
    batch: int
    start: Path | None
    device: str
    seed: int


def train_bundle(options: TrainOptions) -> Bundle | None:
    """Train on a manifest's films, or on rendered ones, and write a bundle.

    Returns it, or None in a process that only helps the first. Raises ManifestError, TrainError
    and BundleError, before anything is written.
    """
    torch.manual_seed(options.seed)
    net = _net(options)
    with ranks(device_for(options.device)) as joined:
        if options.manifest is None:
            return _on_rendered(net, options, joined)
        return _on_listed(net, options.manifest, options, joined)


def _on_rendered(net: GridNet, options: TrainOptions, joined: Ranks) -> Bundle | None:
    start = _start(options)
    maps = render_variants((TRAIN, CALIBRATE, TEST), cache_folder() / "maps")
    held_out = kept_for_calibration(maps, options.size)
    source = SimulatedSource(maps, options.seed, held_out, pairs=max(1, options.batch // 2))
    config = replace(_config(options), heat=1.0)
    trained = fit(net, source, config, _checkpoint(options, "rendered"), joined)
    if not joined.first:
        return None
    training = training_record(SIMULATED, trained.done, options.seed, start)
    return _gated(release_rendered(options.out, trained.net.cpu(), source, training, start), start)


def _on_listed(net: GridNet, file: Path, options: TrainOptions, joined: Ranks) -> Bundle | None:
    manifest = read_manifest(file)
    for split in (Split.TRAIN, Split.VALIDATION):
        _require(manifest, split)
    films, held_out = (
        load_films(manifest.of(split), options.size, _run_folder(options) / "films")
        for split in (Split.TRAIN, Split.VALIDATION)
    )
    source = ManifestSource(films, held_out, options.seed, options.size, options.batch)
    start = _start(options)
    config, checkpoint = _config(options), _checkpoint(options, _digest(file))
    trained = fit(net, source, config, checkpoint, joined)
    if not joined.first:
        return None
    training = training_record(origin_of(manifest), trained.done, options.seed, start)
    run = (training, start)
    return _gated(release_listed(options.out, trained.net.cpu(), source, manifest, run), start)


def _gated(bundle: Bundle, start: Bundle | None) -> Bundle:
    """The bundle with the gate of the one it took its weights from."""
    return bundle if start is None or start.gate is None else add_gate(bundle, start.gate)


def _require(manifest: Manifest, split: Split) -> None:
    if not manifest.of(split):
        raise ManifestError(f"{manifest.file} lists no film of the split {split}")


def _start(options: TrainOptions) -> Bundle | None:
    return load_bundle(options.start) if options.start else None


def _net(options: TrainOptions) -> GridNet:
    """A net from the seed, or with the weights of a bundle; no weight depends on the film's size.

    Small films can be learned first: at 192 px one costs a third of what it costs at 384.
    """
    try:
        if options.start is None:
            return GridNet(GridConfig(size=options.size))
        return with_size(load_bundle(options.start).net, options.size)
    except ValueError as error:
        raise TrainError(str(error)) from None


def _config(options: TrainOptions) -> TrainConfig:
    return TrainConfig(
        minutes=options.minutes if options.minutes < 1e6 else math.inf,
        steps=options.steps,
        seed=options.seed,
    )


def device_for(wanted: str) -> str:
    """``cpu`` or ``cuda`` for what was asked, ``auto`` among it. Raises TrainError."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise TrainError(f"device {wanted!r} is none of auto, cpu, cuda")
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise TrainError("torch finds no GPU here; say --device cpu")
    return wanted


def start_in_words(start: Bundle | None, seed: int) -> str:
    """Where a run's weights come from, for its report: a bundle, or the seed alone."""
    if start is None:
        return f"from scratch, seed {seed}"
    return f"weights of {start.card.name} {start.card.version}, {start.card.digest}"


def _run_folder(options: TrainOptions) -> Path:
    return options.out.with_name(options.out.name + ".run")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _checkpoint(options: TrainOptions, films: str) -> Path:
    """A file that only the same run goes on from: other films or settings are another run."""
    start = options.start.name if options.start else "seed"
    name = f"{films}-{options.size}-{options.batch}-{options.seed}-{start}.pt"
    return _run_folder(options) / name
