"""Gather what a gate learns from: a manifest's films, simulated chests, drawings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from models.dataset.manifest import Manifest
from models.training.gate.dataset import SIDE, Pictures, of_chests, of_manifest, of_others
from models.training.gate.simulated_chests import simulate
from models.training.manifest_source import fingerprint

_FIRST_VARIANT = 1000
"""Variants of the CT that no bundle is trained or measured on."""


@dataclass(frozen=True)
class SyntheticCounts:
    """What is made beside the films: variants of the CT, films of each and view, drawings."""

    variants: int = 100
    films: int = 4
    drawings: int = 2800


def gather(manifest: Manifest, beside: SyntheticCounts, folder: Path) -> Pictures:
    """All pictures, made once and kept in ``folder``. Raises ManifestError, AnatomyError."""
    made = f"{SIDE} {beside!r} {fingerprint(manifest.entries, SIDE)}"
    file = folder / f"pictures-{hashlib.sha256(made.encode()).hexdigest()[:16]}.npz"
    if not file.exists():
        numbers = range(_FIRST_VARIANT, _FIRST_VARIANT + beside.variants)
        parts = [
            of_manifest(manifest.entries),
            of_chests(simulate(numbers, beside.films, SIDE)),
            of_others(range(beside.drawings)),
        ]
        Pictures.join(parts).save(file)
    return Pictures.load(file)
