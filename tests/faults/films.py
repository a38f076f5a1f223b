"""Small films for the harness: the shipped one, a quarter as long and wide, each its own study."""

import copy
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from node.demo.run import SHIPPED_FILM

_STEP = 4


def small_film() -> FileDataset:
    """Return the shipped film with every fourth pixel: 330 x 304, uncompressed, 200 kB."""
    ds = dcmread(SHIPPED_FILM)
    ds.decompress(generate_instance_uid=False)
    pixels = ds.pixel_array[::_STEP, ::_STEP]
    ds.Rows, ds.Columns = pixels.shape
    ds.ImagerPixelSpacing = [float(value) * _STEP for value in ds.ImagerPixelSpacing]
    ds.PixelData = pixels.tobytes()
    return ds


def another(film: FileDataset) -> FileDataset:
    """Return the same picture as another film of another study."""
    ds = copy.deepcopy(film)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    return ds


def other_bytes(film: FileDataset, number: int) -> FileDataset:
    """Return a film under the same UIDs whose first pixel is another."""
    ds = copy.deepcopy(film)
    ds.PixelData = number.to_bytes(2, "little") + ds.PixelData[2:]
    return ds


def write(film: Dataset, path: Path) -> Path:
    """Write a film as a file, for DCMTK to send."""
    film.save_as(path, enforce_file_format=True)
    return path
