"""Fit of the gate: a cross-validation, followed by a training on all images."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.dataset.manifest import read_manifest
from models.gate.bundle_part import Gate, GatePart
from models.gate.net import GateConfig
from models.simulate.anatomy import ATTRIBUTION
from models.training.gate.build_dataset import SyntheticCounts, build_dataset
from models.training.gate.cross_validation import WITHIN, cross_validate, fit_distribution
from models.training.gate.dataset import GateImages
from models.training.gate.loop import GateTraining, fit


@dataclass(frozen=True)
class GateOptions:
    """Options of a gate fit. The folder ``out`` caches images and nets.

    ``attribution`` states the sources of the manifest's films.
    """

    manifest: Path
    out: Path
    folds: int = 5
    device: str = "cpu"
    attribution: tuple[str, ...] = ()
    config: GateConfig = field(default_factory=GateConfig)
    training: GateTraining = field(default_factory=GateTraining)
    synthetic: SyntheticCounts = field(default_factory=SyntheticCounts)


def fit_gate(options: GateOptions) -> Gate:
    """Fit the gate to the manifest's films, simulated chests and drawings.

    Raises ManifestError or AnatomyError.
    """
    manifest = read_manifest(options.manifest, labelled=False)
    return fit_to_images(build_dataset(manifest, options.synthetic, options.out), options)


def fit_to_images(images: GateImages, options: GateOptions) -> Gate:
    """Fit the gate to all ``images``; its scale and counts come from cross-validation."""
    config, training, device = options.config, options.training, options.device
    folder = options.out / f"nets-{_digest(images, options)}"
    metrics = cross_validate(images, (config, training), options.folds, device, folder)
    net = fit(images, config, training, device, folder / "all.safetensors")
    distribution = replace(fit_distribution(net, images, device), scale=metrics.scale)
    part = GatePart(
        architecture=config,
        scale=metrics.scale,
        within=WITHIN,
        training=_describe(images, options),
        figures=metrics.counts,
        attribution=(*options.attribution, ATTRIBUTION),
    )
    return Gate(part, net, distribution)


def _digest(images: GateImages, options: GateOptions) -> str:
    """Return a hash of the images and settings."""
    digest = hashlib.sha256(f"{options.config!r} {options.training!r} {options.folds}".encode())
    for part in (images.squares, images.kind, images.person):
        digest.update(part.tobytes())
    return digest.hexdigest()[:16]


def _describe(images: GateImages, options: GateOptions) -> str:
    counts = Counter(sorted(images.source.tolist()))
    drawings = sum(count for source, count in counts.items() if source.startswith("drawn"))
    films = ", ".join(
        f"{count} of {source}" for source, count in counts.items() if not source.startswith("drawn")
    )
    training = options.training
    return (
        f"{films}, {drawings} drawings of other things; {training.steps} steps of "
        f"{training.batch} images, seed {training.seed}; cross-validated in {options.folds} folds "
        "by person or kind of drawing"
    )
