"""What bringing a film to the display scale costs beside decoding its stored values alone.

    python -m bench.decode [--side 10000] [--rounds 3]

One uncompressed film of 16 bits and so many pixels a side, each way in a process of its own:
`pixel_array` is pydicom's, the floor; `read_radiograph` is ours, with LUTs, polarity and padding.
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
    """Return a film of noise, 12 of 16 bits, with a window."""
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


def timed(way: str, side: int, rounds: int) -> tuple[float, float]:
    """Return the median of seconds, and the peak of memory in GiB beyond what was there before."""
    from pydicom.pixels import pixel_array

    from models.images.dicom import read_radiograph

    ways: dict[str, Callable[[Dataset], object]] = {
        "pixel_array": pixel_array,
        "read_radiograph": read_radiograph,
    }
    ds, seconds = film(side), []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(rounds):
        started = time.perf_counter()
        ways[way](ds)
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return statistics.median(seconds), peak / 1024**2


def main() -> None:
    """Measure both ways and print them as a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("| way | s | memory beyond the film's bytes, GiB |\n|---|---|---|")
    for way in ("pixel_array", "read_radiograph"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, memory = pool.apply(timed, (way, options.side, options.rounds))
        print(f"| `{way}` | {seconds:.2f} | {memory:.2f} |")


if __name__ == "__main__":
    main()
