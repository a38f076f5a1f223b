"""Write a manifest's films as DICOM files without body part and view, to test the gate in the node.

    python -m bench.gate_dicom_films films.csv --out films
    osteoscreen screen films/inverted --out inverted.csv

Each film is written upright, inverted, and rotated by 90, 180 or 270 degrees, in separate folders.
The node must decide from the pixels alone whether to score a film. The header gives age 67.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, generate_uid
from rich.progress import track

from models.dataset.manifest import read_manifest
from tests.support.films import make_image, write_film

Transformation = Callable[[np.ndarray, int], np.ndarray]

TRANSFORMATIONS: dict[str, Transformation] = {
    "upright": lambda pixels, _: pixels,
    "inverted": lambda pixels, _: 255 - pixels,
    "rotated": lambda pixels, number: np.rot90(pixels, number % 3 + 1),
}


def main() -> None:
    """Write the folders and print their names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for name in TRANSFORMATIONS:
        (options.out / name).mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(films(options.manifest)):
        write_transformed(pixels, number, options.out)
    print(f"{options.out}: all films in each of {', '.join(TRANSFORMATIONS)}")


def films(manifest: Path) -> Iterator[np.ndarray]:
    """Yield the grey levels of each film, uint8."""
    for entry in track(read_manifest(manifest, labelled=False).entries, manifest.name):
        with Image.open(entry.path) as image:
            yield np.asarray(image.convert("L"))


def write_transformed(pixels: np.ndarray, number: int, out: Path) -> None:
    """Write one film once for each transformation."""
    for name, transform in TRANSFORMATIONS.items():
        ds = data_set(np.ascontiguousarray(transform(pixels, number)))
        write_film(ds, out / name / f"{number:05d}.dcm")


def data_set(pixels: np.ndarray) -> Dataset:
    """Return a DX object without patient name and ID, with an age of 67 years."""
    ds = make_image(pixels)
    ds.SOPClassUID, ds.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.Modality, ds.ImageType, ds.PatientAge = "DX", ["ORIGINAL", "PRIMARY"], "067Y"
    ds.PatientName = ds.PatientID = ds.StudyID = ds.AccessionNumber = ""
    return ds


if __name__ == "__main__":
    main()
