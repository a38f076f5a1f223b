"""A bundle's golden films: each scores as the card says, or this machine computes otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from models.bundle.score import Bundle, BundleError, score
from models.gate import bundle_part as gates
from models.images.radiograph import Radiograph

GOLDEN = "golden"
"""The folder in the bundle."""

TOLERANCE = 1e-4
"""How far a golden logit may drift between machines, on the processor in float32."""

GATE_TOLERANCE = 1e-3
"""How far what the gate sees of a golden film may drift between machines."""

GPU_TOLERANCE = 0.02
"""How far apart a golden logit may lie on GPU and processor: some half a per cent of probability.

A GPU multiplies convolutions in TF32, with 10 bits where float32 has 23.
"""


def verify_golden(bundle: Bundle) -> float:
    """Score the golden films and people again; the largest difference from a stored logit.

    Raises BundleError where a film is missing or changed, or a score is off by more than 1e-4.
    """
    worst = 0.0
    for one, logit in zip(bundle.card.golden, golden_logits(bundle), strict=True):
        off = abs(logit - one.logit)
        if not off <= TOLERANCE:
            raise BundleError(
                f"golden film {one.file} scores {logit:.5f}, not {one.logit:.5f}: this "
                "machine computes otherwise; run on cpu and compare library versions"
            )
        worst = max(worst, off)
    for name, part in (("clinical", bundle.clinical), ("combined", bundle.card.combined)):
        off = part.drift() if part is not None else 0.0
        if not off <= TOLERANCE:
            raise BundleError(
                f"the {name} model's golden scores are off by {off:.5f}; restore the bundle"
            )
        worst = max(worst, off)
    off = gates.drift(bundle.gate, golden_films(bundle)) if bundle.gate else 0.0
    if not off <= GATE_TOLERANCE:
        raise BundleError(f"the gate sees golden films {off:.5f} otherwise; restore the bundle")
    return max(worst, off)


def farthest(files: Sequence[str], here: Sequence[float], there: Sequence[float]) -> float:
    """Largest difference of the logits of ``files`` on processor and GPU; 0 of none.

    Raises BundleError where one is above ``GPU_TOLERANCE`` or no number.
    """
    worst = 0.0
    for file, one, other in zip(files, here, there, strict=True):
        off = abs(one - other)
        if not off <= GPU_TOLERANCE:
            raise BundleError(
                f"golden film {file} scores {one:.5f} on the processor and {other:.5f} on the GPU: "
                "set model.device to cpu, and compare the versions of driver and torch"
            )
        worst = max(worst, off)
    return worst


def golden_logits(bundle: Bundle) -> list[float]:
    """The logits of the bundle's golden films, in the card's order. Raises BundleError."""
    films = list(golden_films(bundle).values())
    return [result.logit for result in score(bundle, films)]


def golden_films(bundle: Bundle) -> dict[str, Radiograph]:
    """The bundle's golden films by file name, in the card's order. Raises BundleError."""
    folder = bundle.path / GOLDEN
    return {one.file: read_golden(folder / one.file, one.sha256) for one in bundle.card.golden}


def read_golden(file: Path, sha256: str | None) -> Radiograph:
    """One golden film, of this SHA-256 where one is asked for. Raises BundleError."""
    try:
        if sha256 not in (None, hashlib.sha256(file.read_bytes()).hexdigest()):
            raise BundleError(f"golden film {file} was changed; restore the bundle")
        with Image.open(file) as image:
            grey = np.asarray(image.convert("L"), np.float32)
    except (OSError, UnidentifiedImageError) as error:
        raise BundleError(f"golden film {file} cannot be read; restore the bundle") from error
    return Radiograph(grey / np.float32(255))
