"""Read a received object into a film, without decoding its pixels."""

import hashlib
import re
import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset, dcmread
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pynetdicom.dsutils import split_dataset

from node.domain.errors import Permanent, Transient
from node.domain.radiograph.film import Film
from node.domain.radiograph.pseudonym import Pseudonym, no_pseudonym
from node.header.extract import FILM_KEYWORDS, PATIENT_KEYWORDS, film_attributes
from node.header.values import UNREADABLE, whole_text_of

_UID = re.compile(r"[0-9.]{1,64}")
_CHUNK = 1024 * 1024
_SEND_AGAIN = "check the disk, have the film sent again, then: osteoscreen jobs retry"
_MAX_INFLATED = 512 * _CHUNK  # larger than any radiograph; a zip bomb of 500 kB reaches it
_MAX_HEADER = 16 * _CHUNK
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_PIXEL_DATA = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")  # the tag, little endian and big endian
_KEYWORDS = (*FILM_KEYWORDS, *PATIENT_KEYWORDS)


def read_film(path: Path, calling_ae: str, pseudonym: Pseudonym = no_pseudonym) -> Film:
    """Return the film of a Part 10 file; raise Permanent if the file is invalid.

    Only the function `pseudonym` receives the patient's ID and its issuer.
    """
    try:
        meta, offset = split_dataset(path)
        ds, has_pixel_data = _header(path, meta, offset)
        return Film(
            sop_instance_uid=_uid(ds, "SOPInstanceUID"),
            sop_class_uid=_uid(ds, "SOPClassUID"),
            study_instance_uid=_uid(ds, "StudyInstanceUID"),
            series_instance_uid=_uid(ds, "SeriesInstanceUID"),
            transfer_syntax_uid=str(meta.TransferSyntaxUID),
            digest=film_digest(path, offset, str(meta.TransferSyntaxUID)),
            size=path.stat().st_size,
            calling_ae=calling_ae,
            patient=pseudonym(
                whole_text_of(ds, "IssuerOfPatientID"), whole_text_of(ds, "PatientID")
            ),
            **film_attributes(ds, has_pixel_data),
        )
    except UNREADABLE as error:
        raise Permanent(f"the data set cannot be read: {type(error).__name__}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        # pydicom raises OSError without errno for a sequence that does not end.
        raise Permanent("the data set cannot be read: a sequence is damaged") from error


def require_intact(path: Path, film: Film) -> None:
    """Raise Permanent if a spooled film was changed, and Transient if it cannot be read."""
    try:
        meta, offset = split_dataset(path)
        digest = film_digest(path, offset, str(meta.TransferSyntaxUID))
    except OSError as error:
        raise Transient(f"the spooled film cannot be read: {error.strerror}") from error
    except UNREADABLE as error:
        raise Permanent(f"the spooled film is damaged; {_SEND_AGAIN}") from error
    if digest != film.digest:
        raise Permanent(f"the spooled film is damaged; {_SEND_AGAIN}")


def film_digest(path: Path, offset: int, transfer_syntax: str) -> str:
    """Return the SHA-256 of the transfer syntax and the encoded data set.

    The file meta information is excluded, because it names the software that wrote the file. An
    upgrade of the sender or the node must not change a film's digest.
    """
    digest = hashlib.sha256(transfer_syntax.encode())
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _header(path: Path, meta: Dataset, offset: int) -> tuple[Dataset, bool]:
    """Return the elements in `_KEYWORDS`, and whether the object contains Pixel Data."""
    if meta.TransferSyntaxUID != DeflatedExplicitVRLittleEndian:
        with path.open("rb") as file:
            header = dcmread(file, stop_before_pixels=True, specific_tags=[*_KEYWORDS])
            return header, _is_at_pixel_data(file)
    # pydicom would inflate the whole film and hold it in memory twice.
    head = BytesIO(_inflated_head(path, offset))
    tags: list[BaseTag | int] = [Tag(keyword) for keyword in _KEYWORDS]
    ds = read_dataset(
        head, is_implicit_VR=False, is_little_endian=True, stop_when=_at_pixels, specific_tags=tags
    )
    return ds, _is_at_pixel_data(head)


def _is_at_pixel_data(file: BinaryIO) -> bool:
    return file.read(len(_PIXEL_DATA[0])) in _PIXEL_DATA


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag in _PIXELS


def _inflated_head(path: Path, offset: int) -> bytes:
    """Return the beginning of a deflated data set, after inflating the whole data set as a check.

    Raises Permanent if the data set is truncated, or too large to decode in memory.
    """
    inflate, head, total = zlib.decompressobj(-zlib.MAX_WBITS), bytearray(), 0
    with path.open("rb") as file:
        file.seek(offset)
        waiting = file.read(_CHUNK)
        while waiting and not inflate.eof:
            part = inflate.decompress(waiting, _CHUNK)
            head += part[: _MAX_HEADER - len(head)]
            total += len(part)
            if total > _MAX_INFLATED:
                raise Permanent("the deflated data set is too large once inflated")
            waiting = inflate.unconsumed_tail or file.read(_CHUNK)
    if not inflate.eof:
        raise Permanent("the deflated data set is truncated")
    return bytes(head)


def _uid(ds: Dataset, keyword: str) -> str:
    value = str(ds.get(keyword, "")).strip()
    if not _UID.fullmatch(value):
        raise Permanent(f"{keyword} is absent or not a UID")
    return value
