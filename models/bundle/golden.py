"""Verify a bundle by its golden films, whose computed scores must agree with the card."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from models.bundle.score import Bundle, BundleError, score
from models.gate import bundle_part as gates
from models.images.radiograph import Radiograph

GOLDEN = "golden"
"""Folder of the golden films in a bundle."""

TOLERANCE = 1e-4
"""Allowed difference of a golden logit between machines, on a CPU in float32."""

GATE_TOLERANCE = 1e-3
"""Allowed difference of the gate's findings for a golden film between machines."""

GPU_TOLERANCE = 0.02
"""Allowed difference of a golden logit between GPU and CPU, about 0.5 % probability.

A GPU computes convolutions in TF32, which has 10 bits of mantissa; float32 has 23 bits.
"""


def verify_golden(bundle: Bundle) -> float:
    """Score golden films and persons; return the largest difference from a stored logit.

    Raises BundleError if a film is missing or changed, or if a score differs by more than 1e-4.
    """
    worst = 0.0
    for film, logit in zip(bundle.card.golden, golden_logits(bundle), strict=True):
        off = abs(logit - film.logit)
        if not off <= TOLERANCE:
            raise BundleError(
                f"golden film {film.file} scores {logit:.5f}, not {film.logit:.5f}: this "
                "machine computes differently; run on cpu and compare library versions"
            )
        worst = max(worst, off)
    for name, part in (("clinical", bundle.clinical), ("combined", bundle.card.combined)):
        off = part.drift() if part is not None else 0.0
        if not off <= TOLERANCE:
            raise BundleError(
                f"the {name} model's golden scores differ by {off:.5f}; restore the bundle"
            )
        worst = max(worst, off)
    off = gates.gate_drift(bundle.gate, golden_films(bundle)) if bundle.gate else 0.0
    if not off <= GATE_TOLERANCE:
        raise BundleError(f"the gate's golden findings differ by {off:.5f}; restore the bundle")
    return max(worst, off)


def max_device_difference(
    files: Sequence[str], cpu: Sequence[float], gpu: Sequence[float]
) -> float:
    """Return the largest difference of a golden logit between CPU and GPU; 0 if there are no films.

    Raises BundleError if a difference is above ``GPU_TOLERANCE`` or not a number.
    """
    worst = 0.0
    for file, cpu_logit, gpu_logit in zip(files, cpu, gpu, strict=True):
        off = abs(cpu_logit - gpu_logit)
        if not off <= GPU_TOLERANCE:
            raise BundleError(
                f"golden film {file} scores {cpu_logit:.5f} on the CPU and {gpu_logit:.5f} "
                "on the GPU: set model.device to cpu, and compare the versions of driver and torch"
            )
        worst = max(worst, off)
    return worst


def golden_logits(bundle: Bundle) -> list[float]:
    """Return the logits of the golden films, in the order of the card. Raises BundleError."""
    films = list(golden_films(bundle).values())
    return [result.logit for result in score(bundle, films)]


def golden_films(bundle: Bundle) -> dict[str, Radiograph]:
    """Return the golden films by file name, in the order of the card. Raises BundleError."""
    folder = bundle.path / GOLDEN
    return {
        golden.file: read_golden(folder / golden.file, golden.sha256)
        for golden in bundle.card.golden
    }


def read_golden(file: Path, sha256: str | None) -> Radiograph:
    """Read a golden film and check its SHA-256 if it is given. Raises BundleError."""
    try:
        if sha256 not in (None, hashlib.sha256(file.read_bytes()).hexdigest()):
            raise BundleError(f"golden film {file} was changed; restore the bundle")
        with Image.open(file) as image:
            grey = np.asarray(image.convert("L"), np.float32)
    except (OSError, UnidentifiedImageError) as error:
        raise BundleError(f"golden film {file} cannot be read; restore the bundle") from error
    return Radiograph(grey / np.float32(255))
