"""One run of training, from films to a bundle: what `osteoscreen model train` does."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import torch

from models.data import CALIBRATE, TEST, TRAIN, render_variants
from models.distributed import Ranks, ranks
from models.grid import GridConfig, GridNet
from models.listed import Listed, load_films, release_listed
from models.manifest import ManifestError, Split, read_manifest
from models.registry import load_bundle
from models.rendered import Rendered, release_rendered
from models.scoring import Bundle
from models.simulate.anatomy import cache_folder
from models.train import TrainConfig, fit


class TrainError(ValueError):
    """The run cannot be started as asked; one line says why."""


@dataclass(frozen=True)
class TrainOptions:
    """What a run is asked to do. ``start`` is a bundle to take weights from, ``batch`` in films."""

    out: Path
    size: int
    minutes: float
    steps: int
    batch: int
    start: Path | None
    device: str
    seed: int


def train_bundle(manifest: Path | None, options: TrainOptions) -> Bundle | None:
    """Train on a manifest's films, or on rendered ones, and write a bundle.

    Returns it, or None in a process that only helps the first. Raises ManifestError, TrainError
    and BundleError, before anything is written.
    """
    torch.manual_seed(options.seed)
    net = _net(options)
    with ranks(_device(options.device)) as joined:
        if manifest is None:
            return _on_rendered(net, options, joined)
        return _on_listed(net, manifest, options, joined)


def _on_rendered(net: GridNet, options: TrainOptions, joined: Ranks) -> Bundle | None:
    maps = render_variants((TRAIN, CALIBRATE, TEST), cache_folder() / "maps")
    source = Rendered(maps, options.seed, pairs=max(1, options.batch // 2))
    trained = fit(net, source, _config(options), _checkpoint(options, "rendered"), joined)
    if not joined.first:
        return None
    return release_rendered(options.out, trained.net.cpu(), maps, trained.done, options.seed)


def _on_listed(net: GridNet, file: Path, options: TrainOptions, joined: Ranks) -> Bundle | None:
    manifest = read_manifest(file)
    for split in (Split.TRAIN, Split.VALIDATION):
        if not manifest.of(split):
            raise ManifestError(f"{file} lists no film of the split {split}")
    prepared = _run_folder(options) / "films"
    films, held_out = (
        load_films(manifest.of(split), options.size, prepared)
        for split in (Split.TRAIN, Split.VALIDATION)
    )
    source = Listed(films, held_out, options.seed, options.size, options.batch)
    clinical = load_bundle(options.start).clinical if options.start else None
    name = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    trained = fit(net, source, _config(options), _checkpoint(options, name), joined)
    if not joined.first:
        return None
    run = (trained.done, options.seed)
    return release_listed(options.out, trained.net.cpu(), source, manifest, run, clinical)


def _net(options: TrainOptions) -> GridNet:
    """A net from the seed, or with the weights of a bundle."""
    if options.start is None:
        try:
            return GridNet(GridConfig(size=options.size))
        except ValueError as error:
            raise TrainError(str(error)) from None
    bundle = load_bundle(options.start)
    if bundle.net.config.size != options.size:
        raise TrainError(
            f"{options.start} takes films of {bundle.net.config.size} px: say --size "
            f"{bundle.net.config.size}"
        )
    return bundle.net.requires_grad_(True)


def _config(options: TrainOptions) -> TrainConfig:
    return TrainConfig(
        minutes=options.minutes if options.minutes < 1e6 else math.inf,
        steps=options.steps,
        seed=options.seed,
    )


def _device(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise TrainError("torch finds no GPU here; say --device cpu")
    return wanted


def _run_folder(options: TrainOptions) -> Path:
    return options.out.with_name(options.out.name + ".run")


def _checkpoint(options: TrainOptions, films: str) -> Path:
    """A file that only the same run goes on from: other films or settings are another run."""
    start = options.start.name if options.start else "seed"
    name = f"{films}-{options.size}-{options.batch}-{options.seed}-{start}.pt"
    return _run_folder(options) / name
