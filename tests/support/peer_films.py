"""Films that are other films than the one they are copied from, or smaller."""

from pathlib import Path

from pydicom import dcmread
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


def renamed(film: Path, path: Path, **attributes: str) -> Path:
    """Write a copy of a film that is another film, of another study; more attributes if asked."""
    ds = dcmread(film)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.StudyInstanceUID = generate_uid()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    ds.save_as(path)
    return path
