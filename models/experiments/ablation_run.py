"""Training of every variant of the net on a manifest (`osteoscreen model ablate`).

The command writes ``ablation.md`` and ``ablation.json`` at the end. The folder ``run/`` contains
the prepared films and each variant's checkpoint, or its result after the training.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import torch
from rich.console import Console

from models.bundle.score import Bundle
from models.dataset.entry import Entry, FilmOrigin, ManifestError, Split
from models.dataset.manifest import Manifest, read_manifest
from models.experiments.ablation import (
    VARIANTS,
    AblationSetting,
    NetVariant,
    VariantResult,
    VariantRow,
    VariantTraining,
    refuse_single_film_batch,
    refuse_small_sites,
    tabulate,
    to_json,
    to_markdown,
)
from models.io.atomic_file import write_atomically
from models.nets.grid import FilmNet, GridConfig
from models.training.distributed import Ranks
from models.training.loop import TrainConfig, fit
from models.training.manifest_source import Films, ManifestSource, fingerprint, load_films, logits
from models.training.run import TrainError, describe_start, select_device

JSON, MARKDOWN, RUN = "ablation.json", "ablation.md", "run"
_FORMAT = 2
"""Version of the stored results; results of another version are not reused."""

_MINIMUM_VALIDATIONS = 10
"""A short run has this number of validations; a long run has more validations."""


@dataclass(frozen=True)
class AblationOptions:
    """Options of an ablation; ``config`` is the full net, ``batch`` the number of films per step.

    ``start`` is the bundle whose ResNet weights are used; the seed determines all other weights.
    """

    out: Path
    config: GridConfig
    steps: int
    batch: int
    seed: int
    device: str
    start: Bundle | None = None


@dataclass(frozen=True)
class _Resources:
    """Films, folder and device that all variants share."""

    source: ManifestSource
    tested: Films
    folder: Path
    device: torch.device


def ablate(file: Path, options: AblationOptions) -> tuple[VariantRow, ...]:
    """Train the variants that have no result yet, write the table, and return its rows.

    Raises ManifestError and TrainError before the first file is written.
    """
    manifest = read_manifest(file)
    _refuse_different_norm(options)
    tested = _checked_test_films(manifest, options)
    device = torch.device(select_device(options.device))
    resources = _load_resources(manifest, options, device)
    results = {}
    console = Console(stderr=True)  # standard output is for results
    for number, variant in enumerate(VARIANTS, 1):
        console.print(f"{variant.name} ({number} of {len(VARIANTS)})", highlight=False)
        results[variant.name] = _train_or_load(variant, resources, options)
    rows = tabulate(results, tested)
    setting = _setting(manifest, options)
    write_atomically(options.out / JSON, to_json(setting, rows))
    write_atomically(options.out / MARKDOWN, to_markdown(setting, rows))
    return rows


def _refuse_different_norm(options: AblationOptions) -> None:
    """Raise TrainError if the ResNets of bundle and variants have different norms."""
    if options.start is None:
        return
    bundle_norm, norm = options.start.net.config.norm, options.config.norm
    if bundle_norm != norm:
        raise TrainError(
            f"the ResNet of {options.start.card.name} has norm {bundle_norm}, the variants {norm}: "
            "choose another bundle with --from"
        )


def _checked_test_films(manifest: Manifest, options: AblationOptions) -> tuple[Entry, ...]:
    """Return the test films; raise ManifestError if the variants cannot be trained or compared."""
    missing = [split for split in Split if not manifest.of(split)]
    if missing:
        raise ManifestError(
            f"{manifest.file} has no film of the split {' and '.join(missing)}: an ablation "
            f"needs films of {', '.join(Split)}"
        )
    tested = manifest.of(Split.TEST)
    refuse_small_sites(tested)
    refuse_single_film_batch(len(manifest.of(Split.TRAIN)), options.batch, options.config)
    return tested


def _load_resources(
    manifest: Manifest, options: AblationOptions, device: torch.device
) -> _Resources:
    entries = [entry for split in Split for entry in manifest.of(split)]
    size = options.config.size
    # All splits are loaded together, so one error lists every film that cannot be decoded.
    films = load_films(entries, size, options.out / RUN / "films")
    ends = accumulate((len(manifest.of(split)) for split in Split), initial=0)
    train, validation, test = (films.select(slice(*part)) for part in pairwise(ends))
    return _Resources(
        source=ManifestSource(train, validation, options.seed, size, options.batch),
        tested=test,
        folder=options.out / RUN / _key(manifest.file, entries, options, device),
        device=device,
    )


def _key(
    file: Path, entries: Sequence[Entry], options: AblationOptions, device: torch.device
) -> str:
    """Return a hash of the films, labels, settings and kind of device."""
    start = describe_start(options.start, options.seed)
    settings = (options.config, options.steps, options.batch, start, options.seed, device.type)
    digest = hashlib.sha256(file.read_bytes())
    digest.update(f"{fingerprint(entries, options.config.size)}|{settings}|{_FORMAT}".encode())
    return digest.hexdigest()[:16]


def _train_or_load(
    variant: NetVariant, resources: _Resources, options: AblationOptions
) -> VariantResult:
    """Train and score a variant, or return the stored result of an earlier run."""
    stored = resources.folder / f"{variant.name}.json"
    if stored.exists():
        content = json.loads(stored.read_text("utf-8"))
        return VariantResult(VariantTraining(**content["training"]), tuple(content["logits"]))
    net = _net(variant, options)
    checkpoint = resources.folder / f"{variant.name}.pt"
    ranks = Ranks(0, 1, resources.device)
    trained = fit(net, resources.source, _train_config(options), checkpoint, ranks)
    progress = trained.progress
    training = VariantTraining(
        parameters=sum(parameter.numel() for parameter in net.parameters()),
        steps=progress.step,
        films=progress.films,
        seconds=round(progress.seconds, 3),
        best_step=progress.best_step,
        validation_auc=progress.best_auc,
        machine=_machine(resources.device),
    )
    result = VariantResult(training, tuple(logits(trained.net, resources.tested).tolist()))
    write_atomically(stored, json.dumps(asdict(result), indent=2) + "\n")
    checkpoint.unlink()  # 250 MB that are no longer needed
    return result


def _net(variant: NetVariant, options: AblationOptions) -> FilmNet:
    """Return the variant with weights from the seed and, if given, the ResNet of ``start``."""
    torch.manual_seed(options.seed)
    net = variant.build(options.config)
    if options.start is not None:
        net.backbone().load_state_dict(options.start.net.resnet.state_dict())
    return net


def _train_config(options: AblationOptions) -> TrainConfig:
    """Return settings that train all variants for the same number of steps."""
    interval = min(TrainConfig.validate_every, max(1, options.steps // _MINIMUM_VALIDATIONS))
    return TrainConfig(
        steps=options.steps, seed=options.seed, validate_every=interval, patience=options.steps
    )


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return f"one {torch.cuda.get_device_name(device)}"
    return f"processor, {torch.get_num_threads()} threads"


def _setting(manifest: Manifest, options: AblationOptions) -> AblationSetting:
    train, validation, test = (len(manifest.of(split)) for split in Split)
    origins = {FilmOrigin.SIMULATED: "simulated films", FilmOrigin.PATIENT: "films of patients"}
    return AblationSetting(
        manifest=manifest.file.name,
        manifest_sha256=hashlib.sha256(manifest.file.read_bytes()).hexdigest(),
        origin=origins[manifest.origin] if manifest.origin else "films of unstated origin",
        train=train,
        validation=validation,
        test=test,
        size=options.config.size,
        steps=options.steps,
        batch=options.batch,
        seed=options.seed,
        start=describe_start(options.start, options.seed),
    )
