"""Measure time and memory of reading a film: stored values alone, and display values.

    python -m bench.decode [--side 10000] [--rounds 3]

The film is uncompressed, has 16 bits and `--side` pixels per side. Two functions run in separate
processes: pydicom's `pixel_array`, and `read_radiograph`, which also applies LUTs, polarity and
padding.
"""

import argparse
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
from pydicom import Dataset

from tests.support.films import make_image


def film(side: int) -> Dataset:
    """Return a film of noise with 12 of 16 bits stored and a window."""
    pixels = np.random.default_rng(0).integers(0, 4096, (side, side), np.uint16)
    window = {"WindowCenter": "2048", "WindowWidth": "4096"}
    return make_image(pixels, BitsStored=12, HighBit=11, **window)


def measure(name: str, side: int, rounds: int) -> tuple[float, float]:
    """Return the median time in seconds, and the increase of peak memory in GiB."""
    from pydicom.pixels import pixel_array

    from models.images.dicom import read_radiograph

    functions: dict[str, Callable[[Dataset], object]] = {
        "pixel_array": pixel_array,
        "read_radiograph": read_radiograph,
    }
    ds, seconds = film(side), []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(rounds):
        start = time.perf_counter()
        functions[name](ds)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return statistics.median(seconds), peak / 1024**2


def main() -> None:
    """Measure both functions and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("| function | s | memory in addition to the film, GiB |\n|---|---|---|")
    for name in ("pixel_array", "read_radiograph"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, memory = pool.apply(measure, (name, options.side, options.rounds))
        print(f"| `{name}` | {seconds:.2f} | {memory:.2f} |")


if __name__ == "__main__":
    main()
