"""Time and memory of reading a film: stored values alone, and display values.

    python -m bench.decode [--side 10000] [--rounds 3]

Reads one uncompressed 16-bit film with this many pixels per side. Each function runs in a separate
process: pydicom's `pixel_array`, and `read_radiograph`, which also applies LUTs, polarity and
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
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian


def film(side: int) -> Dataset:
    """Return a film of noise with 12 of 16 bits stored and a window."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ComputedRadiographyImageStorage
    ds.Rows = ds.Columns = side
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = "2048", "4096"
    stored = np.random.default_rng(0).integers(0, 4096, (side, side), np.uint16)
    ds.PixelData = stored.tobytes()
    return ds


def measure(name: str, side: int, rounds: int) -> tuple[float, float]:
    """Return the median seconds, and the increase of peak memory in GiB."""
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
