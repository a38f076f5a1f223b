"""Films that are other films than the one they are copied from."""

from pathlib import Path

from pydicom import dcmread
from pydicom.uid import generate_uid


def renamed(film: Path, path: Path, **attributes: str) -> Path:
    """Write a copy of a film that is another film: its own UID, and other attributes if asked."""
    ds = dcmread(film)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    ds.save_as(path)
    return path
