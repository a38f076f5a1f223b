"""The gate's training images: a manifest's films, simulated chests, and drawings."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from models.dataset.manifest import Manifest
from models.training.gate.dataset import (
    SIDE,
    GateImages,
    images_of_chests,
    images_of_drawings,
    images_of_manifest,
)
from models.training.gate.simulated_chests import simulate_chests
from models.training.manifest_source import fingerprint

_FIRST_VARIANT = 1000
"""The gate uses CT variants from this number on; cohorts and grid nets use lower numbers."""


@dataclass(frozen=True)
class SyntheticCounts:
    """Numbers of CT variants, of films per variant and view, and of drawings."""

    variants: int = 100
    films: int = 4
    drawings: int = 2800


def build_dataset(manifest: Manifest, counts: SyntheticCounts, folder: Path) -> GateImages:
    """Return all images, cached in ``folder``. Raises ManifestError or AnatomyError."""
    settings = f"{SIDE} {counts!r} {fingerprint(manifest.entries, SIDE)}"
    file = folder / f"pictures-{hashlib.sha256(settings.encode()).hexdigest()[:16]}.npz"
    if not file.exists():
        variants = range(_FIRST_VARIANT, _FIRST_VARIANT + counts.variants)
        parts = [
            images_of_manifest(manifest.entries),
            images_of_chests(simulate_chests(variants, counts.films, SIDE)),
            images_of_drawings(range(counts.drawings)),
        ]
        GateImages.join(parts).save(file)
    return GateImages.load(file)
