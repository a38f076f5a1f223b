"""Radiographs made in code, small, with the header of a chest film of a 67-year-old."""

import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom.dsutils import split_dataset

from tests.peers.programs import find


def film(
    sop_class: str = ComputedRadiographyImageStorage,
    syntax: str = ExplicitVRLittleEndian,
    side: int = 256,
    **values: object,
) -> FileDataset:
    """Return a chest film that policy admits; keywords set or, with None, remove elements.

    What is compressed has 8 bits, for the encoders' sake. A compressed syntax without an
    encoder here raises.
    """
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian)
    ds = Dataset()
    ds.file_meta = meta
    ds.SOPClassUID = UID(sop_class)
    ds.SOPInstanceUID = generate_uid(None)
    ds.StudyInstanceUID = generate_uid(None)
    ds.SeriesInstanceUID = generate_uid(None)
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "CR", "CHEST", "PA"
    ds.PatientName, ds.PatientID, ds.PatientAge, ds.PatientSex = "Doe^Jane", "P1", "067Y", "F"
    ramp = np.linspace(0, 255, side * side, dtype=np.uint8).reshape(side, side)
    ds.set_pixel_data(ramp, "MONOCHROME2", bits_stored=8, generate_instance_uid=False)
    for keyword, value in values.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    wanted = UID(syntax)
    if wanted.is_compressed and wanted.is_encapsulated:
        ds.compress(wanted, generate_instance_uid=False)
    ds.file_meta.TransferSyntaxUID = wanted
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return read_back(ds)


def read_back(ds: Dataset) -> FileDataset:
    """Return a data set as it is once written to a file and read again."""
    written = BytesIO()
    ds.save_as(written, enforce_file_format=True)
    written.seek(0)
    return pydicom.dcmread(written)


def write(ds: Dataset, path: Path) -> Path:
    """Write a Part 10 file."""
    ds.save_as(path, enforce_file_format=True)
    return path


def encoded_data_set(path: Path) -> bytes:
    """Return the bytes of a Part 10 file that follow its file meta information."""
    _, offset = split_dataset(path)
    return path.read_bytes()[offset:]


def dcmtk(program: str, *arguments: str | Path) -> None:
    """Run another program of the package that dcmsend comes from; raise where it fails."""
    dcmsend = find("dcmsend")
    assert dcmsend is not None
    command = [str(dcmsend.with_name(program)), *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
