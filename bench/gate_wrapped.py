"""The films of a manifest as DICOM files that say nothing of body part or view.

    python -m bench.gate_wrapped films.csv --out wrapped
    osteoscreen screen wrapped/inverted --out inverted.csv

Each film is written upright, inverted, and turned by one to three quarters in a folder each, so
that `osteoscreen screen` shows what becomes of it by its pixels alone: by the node's own decoder,
gate and policy. All are of a person old enough.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)
from rich.progress import track

from models.dataset.manifest import read_manifest

Change = Callable[[np.ndarray, int], np.ndarray]

CHANGES: dict[str, Change] = {
    "upright": lambda pixels, _: pixels,
    "inverted": lambda pixels, _: 255 - pixels,
    "turned": lambda pixels, number: np.rot90(pixels, number % 3 + 1),
}


def main() -> None:
    """Write the folders, and say what is in them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for name in CHANGES:
        (options.out / name).mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(films(options.manifest)):
        wrap(pixels, number, options.out)
    print(f"{options.out}: every film in each of {', '.join(CHANGES)}")


def films(manifest: Path) -> Iterator[np.ndarray]:
    """Yield the grey levels of each film, uint8."""
    for entry in track(read_manifest(manifest, labelled=False).entries, manifest.name):
        with Image.open(entry.path) as image:
            yield np.asarray(image.convert("L"))


def wrap(pixels: np.ndarray, number: int, out: Path) -> None:
    """Write one film in all its changes."""
    for name, change in CHANGES.items():
        ds = data_set(np.ascontiguousarray(change(pixels, number)))
        ds.save_as(out / name / f"{number:05d}.dcm", enforce_file_format=True)


def data_set(pixels: np.ndarray) -> Dataset:
    """Return a DX object of nobody, aged 67."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.Modality, ds.ImageType, ds.PatientAge = "DX", ["ORIGINAL", "PRIMARY"], "067Y"
    ds.PatientName = ds.PatientID = ds.StudyID = ds.AccessionNumber = ""
    ds.set_pixel_data(pixels, "MONOCHROME2", 8, generate_instance_uid=False)
    return ds


if __name__ == "__main__":
    main()
