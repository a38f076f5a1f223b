"""Read DICOM files without preamble or file meta information as Part 10 files."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)
from pydicom.valuerep import VR

_PREAMBLE = bytes(128)
_MAGIC = b"DICM"
_START = len(_PREAMBLE) + len(_MAGIC)
_FILE_META_GROUP = b"\x02\x00"
_IDENTIFYING_GROUP = b"\x08\x00"  # a data set of an image begins with this group
_VALUE_REPRESENTATIONS = frozenset(vr.value.encode() for vr in VR)


class NotDicomError(ValueError):
    """Raised if a file is neither a Part 10 file nor a data set."""


@contextmanager
def as_part10(path: Path) -> Iterator[Path]:
    """Yield the file itself if it is a Part 10 file, otherwise a temporary Part 10 copy.

    The data set has the same bytes in the copy, so that the film's digest does not change. Raises
    NotDicomError, or OSError if the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_START)
        if head[len(_PREAMBLE) :] == _MAGIC:
            yield path
            return
        meta = _missing_meta(head, path.stat().st_size)
        file.seek(0)
        with tempfile.NamedTemporaryFile(suffix=".dcm") as copy:
            copy.write(_start_with(meta))
            shutil.copyfileobj(file, copy)
            copy.flush()
            yield Path(copy.name)


def is_directory_record(path: Path) -> bool:
    """Return whether a file is a DICOMDIR, which is an index of films."""
    try:
        return bool(
            read_file_meta_info(path).get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage
        )
    except (InvalidDicomError, ValueError, EOFError, KeyError, AttributeError, OSError):
        return False


def _missing_meta(head: bytes, size: int) -> FileMetaDataset | None:
    """Return the missing file meta information, or None if only the preamble is missing.

    The first element reveals the transfer syntax (PS3.5, 7.1): only with explicit VR, bytes 5 and 6
    contain a VR.
    """
    group, representation = head[:2], head[4:6]
    explicit = representation in _VALUE_REPRESENTATIONS
    if group == _FILE_META_GROUP and explicit:
        return None
    meta = FileMetaDataset()
    if group == _IDENTIFYING_GROUP and explicit:
        meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian)
    elif group == _IDENTIFYING_GROUP[::-1] and explicit:
        meta.TransferSyntaxUID = UID(ExplicitVRBigEndian)
    elif group == _IDENTIFYING_GROUP and int.from_bytes(head[4:8], "little") <= size:
        meta.TransferSyntaxUID = UID(ImplicitVRLittleEndian)
    else:
        raise NotDicomError
    return meta


def _start_with(meta: FileMetaDataset | None) -> bytes:
    start = DicomBytesIO()
    start.write(_PREAMBLE + _MAGIC)
    if meta is not None:
        write_file_meta_info(start, meta, enforce_standard=False)
    return bytes(start.getvalue())
