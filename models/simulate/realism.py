"""How films compare in tone, contrast and fine structure: simulated ones with real ones.

python -m models.simulate.realism FOLDER FOLDER prints both folders' spreads side by side. A world
is settled against real films with these figures before any net is tested in it.
"""

from __future__ import annotations

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

from models.images.read import read_grey

Float = npt.NDArray[np.float32]

SIDE = 384
"""Longer side in pixels at which films are compared: what the smaller net sees."""

_SIGMAS = (0.8, 1.6, 3.2, 6.4, 12.8)
"""Band limits in pixels of ``SIDE``: noise and vessels first, ribs in the middle, organs last."""

_SHARES = (5, 25, 50, 75, 95)


def read_film_folder(folder: Path, limit: int) -> list[Float]:
    """Up to ``limit`` films of a folder and those below, evenly spaced, longer side ``SIDE``."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
    chosen = found[:: max(1, len(found) // limit)][:limit]
    return [_read(path) for path in chosen]


def film_metrics(film: Float) -> dict[str, float]:
    """Figures of one film in 0..1: tone, spread, shares of black and white, contrast by band.

    A band's figure is the median over the film of the local root mean square: a device or an edge
    does not decide it.
    """
    film = np.asarray(film, np.float32)
    figures = {
        "mean": float(film.mean()),
        "spread": float(film.std()),
        "black": float((film < 0.04).mean()),
        "white": float((film > 0.96).mean()),
    }
    finer = film
    for sigma in _SIGMAS:
        coarser = ndimage.gaussian_filter(film, sigma, mode="nearest")
        power = ndimage.gaussian_filter((finer - coarser) ** 2, 6 * sigma + 4, mode="nearest")
        lit = ndimage.gaussian_filter(film, 8.0) > 0.06
        seen = power[lit] if lit.any() else power
        figures[f"band {sigma:g} px"] = float(np.sqrt(np.median(seen)))
        finer = coarser
    return figures


def metric_percentiles(films: Sequence[Float]) -> dict[str, npt.NDArray[np.float64]]:
    """For each figure its 5, 25, 50, 75 and 95 per cent points over the films."""
    rows = [film_metrics(film) for film in films]
    return {name: np.percentile([row[name] for row in rows], _SHARES) for name in rows[0]}


def coverage(simulated: Sequence[Float], real: Sequence[Float]) -> dict[str, float]:
    """For each figure the share of real films inside the simulated films' middle 98 in 100."""
    mine, theirs = ([film_metrics(film) for film in films] for films in (simulated, real))
    shares = {}
    for name in mine[0]:
        low, high = np.percentile([row[name] for row in mine], [1, 99])
        values = np.array([row[name] for row in theirs])
        shares[name] = float(((values >= low) & (values <= high)).mean())
    return shares


def _read(path: Path) -> Float:
    small = Image.fromarray(read_grey(path))
    scale = SIDE / max(small.size)
    size = (round(small.width * scale), round(small.height * scale))
    return np.asarray(small.resize(size, Image.Resampling.BOX), np.float32).clip(0, 1)


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 when the table is printed."""
    parser = argparse.ArgumentParser(prog="python -m models.simulate.realism", description=__doc__)
    parser.add_argument("simulated", type=Path, help="folder of simulated films")
    parser.add_argument("real", type=Path, help="folder of real films")
    parser.add_argument("--limit", type=int, default=450, help="films of each folder at most")
    chosen = parser.parse_args(arguments)
    films = [read_film_folder(folder, chosen.limit) for folder in (chosen.simulated, chosen.real)]
    if not all(films):
        parser.error("one of the folders holds no PNG or JPEG film")
    mine, theirs = (metric_percentiles(some) for some in films)
    shares = coverage(*films)
    table = Table("figure", "simulated 5/25/50/75/95 %", "real 5/25/50/75/95 %", "real covered")
    for name in mine:
        cells = [" ".join(f"{value:.4f}" for value in side[name]) for side in (mine, theirs)]
        table.add_row(name, *cells, f"{shares[name]:.0%}")
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
