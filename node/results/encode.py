"""Encode results as DICOM files (PS3.10) in Explicit VR Little Endian."""

from io import BytesIO

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from node.results.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME


def to_bytes(ds: Dataset) -> bytes:
    """Return a result as a DICOM file; equal data sets give equal bytes."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    file = Dataset(ds)
    file.file_meta = meta
    file.preamble = b"\x00" * 128
    buffer = BytesIO()
    dcmwrite(buffer, file, enforce_file_format=True)
    return buffer.getvalue()
