"""Train every variant of the net on a manifest's films, and write the table that compares them.

``ablation.md`` and ``ablation.json`` at the end; below ``run/`` the prepared films and, for each
variant, the checkpoint it goes on from or, once it is trained, what is kept of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console

from models.bundle.score import Bundle
from models.dataset.entry import Entry, FilmOrigin, ManifestError, Split
from models.dataset.manifest import Manifest, read_manifest
from models.experiments.ablation import (
    VARIANTS,
    Learned,
    Row,
    Setting,
    Trial,
    Variant,
    refuse_lone_film,
    refuse_small_sites,
    tabulate,
    to_json,
    to_markdown,
)
from models.io.atomic_file import write_whole
from models.nets.grid import FilmNet, GridConfig
from models.training.distributed import Ranks
from models.training.loop import TrainConfig, fit
from models.training.manifest_source import Films, ManifestSource, fingerprint, load_films, logits
from models.training.run import TrainError, device_for, start_in_words

JSON, MARKDOWN, RUN = "ablation.json", "ablation.md", "run"

_LOOKS = 10
"""Looks at validation, at least; a long run looks every 200 steps, as any training does."""


@dataclass(frozen=True)
class AblateOptions:
    """What is asked for. ``config`` is the full net, ``batch`` in films, ``device`` may be auto.

    ``start`` is a bundle to take the ResNet from; all above it is drawn from the seed.
    """

    out: Path
    config: GridConfig
    steps: int
    batch: int
    seed: int
    device: str
    start: Bundle | None = None


@dataclass(frozen=True)
class _Bench:
    """What every variant is given alike: films, places on the disk, and the machine."""

    source: ManifestSource
    tested: Films
    folder: Path
    device: torch.device


def ablate(file: Path, options: AblateOptions) -> tuple[Row, ...]:
    """Train what is not yet trained and leave the table in ``options.out``; returns its rows.

    Raises ManifestError and TrainError, before anything but an empty folder is written.
    """
    manifest = read_manifest(file)
    _refuse_other_norm(options)
    tested = _checked(manifest, options)
    device = torch.device(device_for(options.device))
    bench = _bench(manifest, options, device)
    trials = {}
    console = Console(stderr=True)  # standard output is for results
    for number, variant in enumerate(VARIANTS, 1):
        console.print(f"{variant.name} ({number} of {len(VARIANTS)})", highlight=False)
        trials[variant.name] = _trial(variant, bench, options)
    rows = tabulate(trials, tested)
    setting = _setting(manifest, options)
    write_whole(options.out / JSON, to_json(setting, rows))
    write_whole(options.out / MARKDOWN, to_markdown(setting, rows))
    return rows


def _refuse_other_norm(options: AblateOptions) -> None:
    """Raise TrainError where the bundle's ResNet is not the variants' own."""
    if options.start is None:
        return
    has, needs = options.start.net.config.norm, options.config.norm
    if has != needs:
        raise TrainError(
            f"the ResNet of {options.start.card.name} has norm {has}, the variants {needs}: "
            "start from another bundle"
        )


def _checked(manifest: Manifest, options: AblateOptions) -> tuple[Entry, ...]:
    """The test films of a manifest on which every variant can be trained and compared."""
    missing = [split for split in Split if not manifest.of(split)]
    if missing:
        raise ManifestError(
            f"{manifest.file} lists no film of the split {' and '.join(missing)}: an ablation "
            f"needs {', '.join(Split)}"
        )
    tested = manifest.of(Split.TEST)
    refuse_small_sites(tested)
    refuse_lone_film(len(manifest.of(Split.TRAIN)), options.batch, options.config)
    return tested


def _bench(manifest: Manifest, options: AblateOptions, device: torch.device) -> _Bench:
    entries = [entry for split in Split for entry in manifest.of(split)]
    size = options.config.size
    # All splits at once, so that one error names every film that does not decode.
    films = load_films(entries, size, options.out / RUN / "films")
    train, held_out, tested = (len(manifest.of(split)) for split in Split)
    return _Bench(
        source=ManifestSource(
            films.part(0, train), films.part(train, held_out), options.seed, size, options.batch
        ),
        tested=films.part(train + held_out, tested),
        folder=options.out / RUN / _key(manifest.file, entries, options, device),
        device=device,
    )


def _key(file: Path, entries: Sequence[Entry], options: AblateOptions, device: torch.device) -> str:
    """Other films, labels, settings or processors are another run, from its first step."""
    start = start_in_words(options.start, options.seed)
    settings = (options.config, options.steps, options.batch, start, options.seed, device.type)
    digest = hashlib.sha256(file.read_bytes())
    digest.update(f"{fingerprint(entries, options.config.size)}|{settings}".encode())
    return digest.hexdigest()[:16]


def _trial(variant: Variant, bench: _Bench, options: AblateOptions) -> Trial:
    """Train and score a variant, or recall that this was done."""
    kept = bench.folder / f"{variant.name}.json"
    if kept.exists():
        found = json.loads(kept.read_text("utf-8"))
        return Trial(Learned(**found["learned"]), tuple(found["logits"]))
    net = _net(variant, options)
    checkpoint = bench.folder / f"{variant.name}.pt"
    ranks = Ranks(0, 1, bench.device)
    trained = fit(net, bench.source, _train_config(options), checkpoint, ranks)
    done = trained.done
    learned = Learned(
        parameters=sum(parameter.numel() for parameter in net.parameters()),
        steps=done.step,
        films=done.films,
        seconds=round(done.seconds, 3),
        best_step=done.best_step,
        validation_auc=done.best_auc,
        machine=_machine(bench.device),
    )
    trial = Trial(learned, tuple(logits(trained.net, bench.tested).tolist()))
    write_whole(kept, json.dumps(asdict(trial), indent=2) + "\n")
    checkpoint.unlink()  # a quarter of a gigabyte that nothing goes on from any more
    return trial


def _net(variant: Variant, options: AblateOptions) -> FilmNet:
    """The variant from the seed, its ResNet that of ``options.start`` where one is given."""
    torch.manual_seed(options.seed)
    net = variant.net(options.config)
    if options.start is not None:
        net.backbone().load_state_dict(options.start.net.resnet.state_dict())
    return net


def _train_config(options: AblateOptions) -> TrainConfig:
    """The same number of steps for every variant: none ends early."""
    return TrainConfig(
        steps=options.steps,
        seed=options.seed,
        look=min(TrainConfig.look, max(1, options.steps // _LOOKS)),
        patience=options.steps,
    )


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return f"one {torch.cuda.get_device_name(device)}"
    return f"processor, {torch.get_num_threads()} threads"


def _setting(manifest: Manifest, options: AblateOptions) -> Setting:
    train, held_out, tested = (len(manifest.of(split)) for split in Split)
    kinds = {FilmOrigin.SIMULATED: "simulated films", FilmOrigin.PATIENT: "films of patients"}
    return Setting(
        manifest=manifest.file.name,
        manifest_sha256=hashlib.sha256(manifest.file.read_bytes()).hexdigest(),
        origin=kinds[manifest.origin] if manifest.origin else "films of unstated origin",
        train=train,
        validation=held_out,
        test=tested,
        size=options.config.size,
        steps=options.steps,
        batch=options.batch,
        seed=options.seed,
        start=start_in_words(options.start, options.seed),
    )
