"""Train a net on films and write a bundle (`osteoscreen model train`)."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from models.bundle.score import Bundle
from models.bundle.store import add_gate, load_bundle
from models.dataset.entry import ManifestError, Split
from models.dataset.manifest import read_manifest
from models.io.errors import InputError
from models.nets.grid import GridConfig, GridNet, with_size
from models.simulate.anatomy import cache_folder
from models.training.build_bundle import training_record
from models.training.build_from_manifest import build_from_manifest, card_text
from models.training.build_from_simulation import SIMULATED, build_from_simulation
from models.training.distributed import Ranks, ranks
from models.training.loop import TrainConfig, fit
from models.training.manifest_source import ManifestSource, load_films
from models.training.simulated_batches import CALIBRATE, TEST, TRAIN, render_variants
from models.training.simulated_source import SimulatedSource, render_calibration_films


class TrainError(InputError):
    """The run cannot be started with these options. The message states the reason."""


@dataclass(frozen=True)
class TrainOptions:
    """Options of a training run.

    Without a manifest, films are simulated during the training. ``start`` is the bundle with the
    initial weights; ``batch`` is the number of films per step.
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

    @property
    def config(self) -> TrainConfig:
        """Settings of the training loop."""
        return TrainConfig(self.minutes, self.steps, seed=self.seed)


def train_bundle(options: TrainOptions) -> Bundle | None:
    """Train on a manifest's films, or on simulated films, and write a bundle.

    The first process returns the bundle; other processes return None. Raises ManifestError,
    TrainError or BundleError before a bundle is written.
    """
    start = load_bundle(options.start) if options.start else None
    net = initial_net(start, options.size, options.seed)
    with ranks(select_device(options.device)) as joined:
        if options.manifest is None:
            bundle = _train_on_simulation(net, start, options, joined)
        else:
            bundle = _train_on_manifest(net, start, options.manifest, options, joined)
    if bundle is not None and start is not None and start.gate is not None:
        return add_gate(bundle, start.gate)
    return bundle


def _train_on_simulation(
    net: GridNet, start: Bundle | None, options: TrainOptions, joined: Ranks
) -> Bundle | None:
    maps = render_variants((TRAIN, CALIBRATE, TEST), cache_folder() / "maps")
    held_out = render_calibration_films(maps, options.size)
    source = SimulatedSource(maps, options.seed, held_out, pairs=max(1, options.batch // 2))
    config = replace(options.config, heat=1.0)
    trained = fit(net, source, config, _checkpoint(options, "rendered"), joined)
    if not joined.first:
        return None
    training = training_record(SIMULATED, trained.progress, options.seed, start)
    return build_from_simulation(options.out, trained.net.cpu(), source, training, start)


def _train_on_manifest(
    net: GridNet, start: Bundle | None, file: Path, options: TrainOptions, joined: Ranks
) -> Bundle | None:
    manifest = read_manifest(file)
    for split in (Split.TRAIN, Split.VALIDATION):
        if not manifest.of(split):
            raise ManifestError(f"{file} has no film of the split {split}")
    films, held_out = (
        load_films(manifest.of(split), options.size, _run_folder(options) / "films")
        for split in (Split.TRAIN, Split.VALIDATION)
    )
    source = ManifestSource(films, held_out, options.seed, options.size, options.batch)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    trained = fit(net, source, options.config, _checkpoint(options, digest), joined)
    if not joined.first:
        return None
    training = training_record(card_text(manifest), trained.progress, options.seed, start)
    run = (training, start)
    return build_from_manifest(options.out, trained.net.cpu(), source, manifest, run)


def initial_net(start: Bundle | None, size: int, seed: int) -> GridNet:
    """Return a net with the weights of ``start``, or with random weights. Raises TrainError.

    Weights do not depend on the size of films, so a first training can use small films. Training at
    192 px takes a third of the time per film at 384 px.
    """
    torch.manual_seed(seed)
    try:
        return with_size(start.net, size) if start else GridNet(GridConfig(size=size))
    except ValueError as error:
        raise TrainError(str(error)) from None


def select_device(name: str) -> str:
    """Return ``cpu`` or ``cuda``; ``auto`` is ``cuda`` if torch finds a GPU. Raises TrainError."""
    if name not in ("auto", "cpu", "cuda"):
        raise TrainError(f"device {name!r} is not one of auto, cpu, cuda")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainError("torch found no GPU; use --device cpu")
    return name


def describe_start(start: Bundle | None, seed: int) -> str:
    """Return the origin of a run's initial weights, for its report."""
    if start is None:
        return f"from scratch, seed {seed}"
    return f"weights of {start.card.name} {start.card.version}, {start.card.digest}"


def _run_folder(options: TrainOptions) -> Path:
    return options.out.with_name(options.out.name + ".run")


def _checkpoint(options: TrainOptions, films: str) -> Path:
    """Return the path of the checkpoint; runs with other films or settings have other paths."""
    start = options.start.name if options.start else "seed"
    name = f"{films}-{options.size}-{options.batch}-{options.seed}-{start}.pt"
    return _run_folder(options) / name
