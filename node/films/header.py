"""From the bytes of a received object to the facts of a film, without touching its pixels."""

import hashlib
import re
import struct
import zlib
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pydicom.valuerep import DA
from pynetdicom.dsutils import split_dataset

from node.domain.errors import Permanent, Transient
from node.domain.film import Film, age_between, parse_age
from node.domain.patient import Pseudonym, nobody

_UID = re.compile(r"[0-9.]{1,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MAX_TEXT = 64
_CHUNK = 1024 * 1024
_SEND_AGAIN = "check the disk, have the film sent again, then: osteoscreen jobs retry"
_MAX_INFLATED = 512 * _CHUNK  # more than any radiograph; a few hundred kB can inflate to it
_MAX_HEADER = 16 * _CHUNK
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
FACTS = [
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyDate",
    "SeriesDate",
    "AcquisitionDate",
    "ContentDate",
    "Modality",
    "Manufacturer",
    "StationName",
    "StudyDescription",
    "SeriesDescription",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "BodyPartExamined",
    "ViewPosition",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SamplesPerPixel",
    "NumberOfFrames",
    "Rows",
    "Columns",
]
WHOSE = ["PatientID", "IssuerOfPatientID"]
# What a hostile or broken header makes pydicom raise: each means "cannot understand".
_UNREADABLE = (
    InvalidDicomError,
    BytesLengthException,
    struct.error,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    EOFError,
    zlib.error,
)


def read_film(path: Path, calling_ae: str, pseudonym: Pseudonym = nobody) -> Film:
    """Return the facts of a Part 10 file; raise Permanent where it cannot be understood.

    Of whose it is, no more is kept than `pseudonym` makes of it.
    """
    try:
        meta, offset = split_dataset(path)
        ds = _facts(path, meta, offset)
        patient = pseudonym(_whole(ds, "IssuerOfPatientID"), _whole(ds, "PatientID"))
        film = _film(ds, str(meta.TransferSyntaxUID), path, offset, calling_ae)
        return replace(film, patient=patient)
    except _UNREADABLE as error:
        raise Permanent(f"the data set cannot be read: {type(error).__name__}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        # pydicom's own, of a sequence that does not end: no trouble of the disk.
        raise Permanent("the data set cannot be read: a sequence is damaged") from error


def require_intact(path: Path, film: Film) -> None:
    """Raise Permanent where a spooled film's bytes are not those that were received.

    Transient where they cannot be read at all: a share may come back.
    """
    try:
        meta, offset = split_dataset(path)
        found = digest_of(path, offset, str(meta.TransferSyntaxUID))
    except OSError as error:
        raise Transient(f"the spooled film cannot be read: {error.strerror}") from error
    except _UNREADABLE as error:
        raise Permanent(f"the spooled film is damaged; {_SEND_AGAIN}") from error
    if found != film.digest:
        raise Permanent(f"the spooled film is damaged; {_SEND_AGAIN}")


def _film(ds: Dataset, transfer_syntax: str, path: Path, offset: int, calling_ae: str) -> Film:
    return Film(
        sop_instance_uid=_uid(ds, "SOPInstanceUID"),
        sop_class_uid=_uid(ds, "SOPClassUID"),
        study_instance_uid=_uid(ds, "StudyInstanceUID"),
        series_instance_uid=_uid(ds, "SeriesInstanceUID"),
        transfer_syntax_uid=transfer_syntax,
        digest=digest_of(path, offset, transfer_syntax),
        size=path.stat().st_size,
        calling_ae=calling_ae,
        modality=_code(ds, "Modality"),
        body_part_examined=_code(ds, "BodyPartExamined"),
        view_position=_code(ds, "ViewPosition"),
        image_type=_codes(ds, "ImageType"),
        study_description=_text(ds, "StudyDescription"),
        series_description=_text(ds, "SeriesDescription"),
        manufacturer=_text(ds, "Manufacturer"),
        rows=_integer(ds, "Rows"),
        columns=_integer(ds, "Columns"),
        number_of_frames=_integer(ds, "NumberOfFrames") or 1,
        samples_per_pixel=_integer(ds, "SamplesPerPixel") or 1,
        age_years=_age(ds),
        sex=_code(ds, "PatientSex")[:1],
        weight_kg=_number(ds, "PatientWeight"),
        height_cm=_centimetres(_number(ds, "PatientSize")),
        station=_text(ds, "StationName"),
        taken=_taken(ds),
    )


def digest_of(path: Path, offset: int, transfer_syntax: str) -> str:
    """Return the SHA-256 of the transfer syntax and the encoded data set.

    The file meta information is left out: it names the software that wrote the file, and the
    same film sent again must be known again after an upgrade.
    """
    digest = hashlib.sha256(transfer_syntax.encode())
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _facts(path: Path, meta: Dataset, offset: int) -> Dataset:
    """Return the elements that facts are read from."""
    if meta.TransferSyntaxUID != DeflatedExplicitVRLittleEndian:
        return dcmread(path, stop_before_pixels=True, specific_tags=[*FACTS, *WHOSE])
    # pydicom would inflate the whole film, and hold it twice, for the sake of its header.
    head = BytesIO(_inflated_head(path, offset))
    tags: list[BaseTag | int] = [Tag(keyword) for keyword in (*FACTS, *WHOSE)]
    return read_dataset(
        head, is_implicit_VR=False, is_little_endian=True, stop_when=_at_pixels, specific_tags=tags
    )


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag in _PIXELS


def _inflated_head(path: Path, offset: int) -> bytes:
    """Return how a deflated data set begins, having seen that the whole of it inflates.

    Raises Permanent for one that would fill the memory of whoever decodes it.
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


def _value(ds: Dataset, keyword: str) -> Any:
    """Return an element's value, None where it is absent, empty or unreadable."""
    try:
        value = ds.get(keyword)
    except _UNREADABLE:
        return None
    return None if value == "" else value


def _text(ds: Dataset, keyword: str) -> str:
    return _whole(ds, keyword)[:_MAX_TEXT]


def _whole(ds: Dataset, keyword: str) -> str:
    """Return a text as long as it is: two IDs that begin alike are two."""
    value = _value(ds, keyword)
    return "" if value is None else _CONTROL.sub(" ", str(value)).strip()


def _code(ds: Dataset, keyword: str) -> str:
    # Cut once more: a letter may become two.
    return _text(ds, keyword).upper()[:_MAX_TEXT]


def _codes(ds: Dataset, keyword: str) -> tuple[str, ...]:
    value = _value(ds, keyword)
    if value is None:
        return ()
    values = value if isinstance(value, MultiValue | list) else [value]
    return tuple(_CONTROL.sub(" ", str(v)).strip().upper()[:_MAX_TEXT] for v in values[:16])


def _number(ds: Dataset, keyword: str) -> float | None:
    """Return a finite positive number, None for anything else."""
    try:
        number = float(_value(ds, keyword))
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 < number < 1e9 else None


def _integer(ds: Dataset, keyword: str) -> int | None:
    number = _number(ds, keyword)
    return None if number is None else int(number)


def _centimetres(metres: float | None) -> float | None:
    # DICOM's Patient's Size is in metres; values above 3 were typed in centimetres.
    if metres is None:
        return None
    return metres * 100 if metres <= 3 else metres


def _age(ds: Dataset) -> float | None:
    """Return the age by Patient's Age, else from the birth date to the date the film was taken."""
    stated = parse_age(_text(ds, "PatientAge"))
    if stated is not None:
        return stated
    return age_between(_date(ds, "PatientBirthDate"), _taken(ds))


def _taken(ds: Dataset) -> date | None:
    """Return the day of the exposure, or the nearest to it that the header states."""
    stated = ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate")
    dates = (_date(ds, keyword) for keyword in stated)
    return next((found for found in dates if found), None)


def _date(ds: Dataset, keyword: str) -> date | None:
    try:
        parsed = DA(_text(ds, keyword))
    except (ValueError, OverflowError):
        return None
    return date(parsed.year, parsed.month, parsed.day) if parsed else None
