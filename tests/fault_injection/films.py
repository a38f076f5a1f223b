"""Films for the harness, each of its own study, or the same one with other bytes."""

import copy
import threading
from pathlib import Path

from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

# A data set parses its elements as they are asked for: two threads must not do so at once.
_COPYING = threading.Lock()


def another(film: FileDataset) -> FileDataset:
    """Return the same picture as another film of another study."""
    ds = own_copy(film)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    return ds


def own_copy(film: FileDataset) -> FileDataset:
    """Return the same film, for one thread to send."""
    with _COPYING:
        return copy.deepcopy(film)


def other_bytes(film: FileDataset, number: int) -> FileDataset:
    """Return a film under the same UIDs whose first pixel is another."""
    ds = own_copy(film)
    ds.PixelData = number.to_bytes(2, "little") + ds.PixelData[2:]
    return ds


def write(film: Dataset, path: Path) -> Path:
    """Write a film as a file, for DCMTK to send."""
    film.save_as(path, enforce_file_format=True)
    return path
