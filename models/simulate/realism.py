"""Comparison of simulated with real films: tone, contrast and fine structure.

`python -m models.simulate.realism SIMULATED REAL` prints the distributions of both folders. The
simulation was adjusted to real films with these metrics before any net was tested.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy import ndimage

from models.images.grayscale_pipeline import Float
from models.images.read import read_grey

SIDE = 384
"""Films are compared at this longer side in pixels, the input size of the smaller net."""

_SIGMAS = (0.8, 1.6, 3.2, 6.4, 12.8)
"""Gaussian sigmas in pixels that separate the frequency bands, from noise to organs."""

_PERCENTILES = (5, 25, 50, 75, 95)


def read_film_folder(folder: Path, limit: int) -> list[Float]:
    """Return up to ``limit`` evenly spaced films in a folder; their longer side is ``SIDE``."""
    suffixes = (".png", ".jpg", ".jpeg")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    chosen = paths[:: max(1, len(paths) // limit)][:limit]
    return [_read(path) for path in chosen]


def film_metrics(film: Float) -> dict[str, float]:
    """Return metrics of one film in 0..1: mean, spread, shares of black and white, band contrast.

    The contrast of a band is the median of its local root mean square over the film. A single
    device or edge hardly changes this median.
    """
    film = np.asarray(film, np.float32)
    metrics = {
        "mean": float(film.mean()),
        "spread": float(film.std()),
        "black": float((film < 0.04).mean()),
        "white": float((film > 0.96).mean()),
    }
    finer = film
    for sigma in _SIGMAS:
        coarser = ndimage.gaussian_filter(film, sigma, mode="nearest")
        power = ndimage.gaussian_filter((finer - coarser) ** 2, 6 * sigma + 4, mode="nearest")
        exposed = ndimage.gaussian_filter(film, 8.0) > 0.06
        values = power[exposed] if exposed.any() else power
        metrics[f"band {sigma:g} px"] = float(np.sqrt(np.median(values)))
        finer = coarser
    return metrics


def metric_percentiles(films: Sequence[Float]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the 5th, 25th, 50th, 75th and 95th percentile of each metric over the films."""
    rows = [film_metrics(film) for film in films]
    return {name: np.percentile([row[name] for row in rows], _PERCENTILES) for name in rows[0]}


def coverage(simulated: Sequence[Float], real: Sequence[Float]) -> dict[str, float]:
    """Return for each metric the share of real films in the middle 98 % of simulated films."""
    simulated_rows, real_rows = (
        [film_metrics(film) for film in films] for films in (simulated, real)
    )
    shares = {}
    for name in simulated_rows[0]:
        low, high = np.percentile([row[name] for row in simulated_rows], [1, 99])
        values = np.array([row[name] for row in real_rows])
        shares[name] = float(((values >= low) & (values <= high)).mean())
    return shares


def _read(path: Path) -> Float:
    small = Image.fromarray(read_grey(path))
    scale = SIDE / max(small.size)
    size = (round(small.width * scale), round(small.height * scale))
    return np.asarray(small.resize(size, Image.Resampling.BOX), np.float32).clip(0, 1)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0 after the table is printed."""
    parser = argparse.ArgumentParser(prog="python -m models.simulate.realism", description=__doc__)
    parser.add_argument("simulated", type=Path, help="folder of simulated films")
    parser.add_argument("real", type=Path, help="folder of real films")
    parser.add_argument("--limit", type=int, default=450, help="maximum number of films per folder")
    options = parser.parse_args(arguments)
    films = [
        read_film_folder(folder, options.limit) for folder in (options.simulated, options.real)
    ]
    if not all(films):
        parser.error("one of the folders contains no PNG or JPEG film")
    simulated, real = (metric_percentiles(group) for group in films)
    shares = coverage(*films)
    table = Table("metric", "simulated 5/25/50/75/95 %", "real 5/25/50/75/95 %", "real in range")
    for name in simulated:
        cells = [" ".join(f"{value:.4f}" for value in side[name]) for side in (simulated, real)]
        table.add_row(name, *cells, f"{shares[name]:.0%}")
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
