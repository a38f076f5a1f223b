"""Make a gate: measured fold by fold, then trained on everything."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.dataset.manifest import read_manifest
from models.gate.bundle_part import Gate, GatePart
from models.gate.net import GateConfig
from models.simulate.anatomy import ATTRIBUTION
from models.training.gate.build_dataset import SyntheticCounts, gather
from models.training.gate.cross_validation import WITHIN, cross_validate, spread_of
from models.training.gate.dataset import Pictures
from models.training.gate.loop import GateTraining, fit


@dataclass(frozen=True)
class GateOptions:
    """What a run is asked to do; ``out`` is where pictures and nets are kept, to go on from.

    ``attribution`` says whom the manifest's films are owed to.
    """

    manifest: Path
    out: Path
    folds: int = 5
    device: str = "cpu"
    attribution: tuple[str, ...] = ()
    config: GateConfig = field(default_factory=GateConfig)
    training: GateTraining = field(default_factory=GateTraining)
    beside: SyntheticCounts = field(default_factory=SyntheticCounts)


def fit_gate(options: GateOptions) -> Gate:
    """A gate of the manifest's films, of simulated chests and of drawings.

    Raises ManifestError, AnatomyError.
    """
    pictures = gather(read_manifest(options.manifest, labelled=False), options.beside, options.out)
    return make(pictures, options)


def make(pictures: Pictures, options: GateOptions) -> Gate:
    """A gate of ``pictures`` with the figures that it may be believed by.

    The figures, and the distance that counts as far, come from nets that had not seen the people
    they were measured on; the gate itself has seen them all.
    """
    config, how, device = options.config, options.training, options.device
    folder = options.out / f"nets-{_run(pictures, options)}"
    measured = cross_validate(pictures, (config, how), options.folds, device, folder)
    net = fit(pictures, config, how, device, folder / "all.safetensors")
    spread = replace(spread_of(net, pictures, device), scale=measured.scale)
    part = GatePart(
        architecture=config,
        scale=measured.scale,
        within=WITHIN,
        training=_account(pictures, options),
        figures=measured.figures,
        attribution=(*options.attribution, ATTRIBUTION),
    )
    return Gate(part, net, spread)


def _run(pictures: Pictures, options: GateOptions) -> str:
    """A name for this run: other pictures or settings are another."""
    digest = hashlib.sha256(f"{options.config!r} {options.training!r} {options.folds}".encode())
    for part in (pictures.squares, pictures.kind, pictures.person):
        digest.update(part.tobytes())
    return digest.hexdigest()[:16]


def _account(pictures: Pictures, options: GateOptions) -> str:
    sources = sorted(set(pictures.source.tolist()))
    counts = {source: int((pictures.source == source).sum()) for source in sources}
    drawn = sum(count for source, count in counts.items() if source.startswith("drawn"))
    films = ", ".join(
        f"{count} of {source}" for source, count in counts.items() if not source.startswith("drawn")
    )
    how = options.training
    return (
        f"{films}, {drawn} drawings of other things; {how.steps} steps of {how.batch} pictures, "
        f"seed {how.seed}; measured by {options.folds} folds of people, or kinds of drawing"
    )
