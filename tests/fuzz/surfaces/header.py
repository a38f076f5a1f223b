"""Film headers: `read_film` returns a Film or raises Permanent with a message of one line."""

import zlib
from functools import partial
from pathlib import Path
from random import Random

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from node.domain.admission.header_rules import Admitted, admit
from node.domain.errors import Permanent
from node.domain.radiograph.film import Film
from node.domain.radiograph.pseudonym import pseudonym
from node.header.extract import FILM_KEYWORDS, PATIENT_KEYWORDS
from node.header.part10 import NotDicomError, as_part10
from node.header.read import read_film
from tests.fuzz.chance import mutate, weighted_choice
from tests.fuzz.elements import (
    SYNTAXES,
    Element,
    body,
    corrupt,
    element,
    nest,
    part10,
)
from tests.fuzz.surface import InvariantViolation, check_one_line, has_control_characters
from tests.support.policies import make_admission_policy

# One item of undefined length in Explicit VR Little Endian; it is invalid in other encodings.
_ITEM = (
    b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    b"\x08\x00\x00\x01SH\x08\x0051185008\x08\x00\x02\x01SH\x04\x00SCT "
    b"\x08\x00\x04\x01LO\x06\x00Chest "
    b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
)
GOOD = {
    "SpecificCharacterSet": b"ISO_IR 192",
    "ImageType": b"ORIGINAL\\PRIMARY",
    "SOPClassUID": b"1.2.840.10008.5.1.4.1.1.1",
    "SOPInstanceUID": b"1.2.826.0.1.3680043.8.498.1",
    "StudyDate": b"20240131",
    "SeriesDate": b"20240131",
    "AcquisitionDate": b"20240131",
    "ContentDate": b"20240131",
    "StudyTime": b"101500",
    "AccessionNumber": b"A123",
    "Modality": b"CR",
    "Manufacturer": b"Maker",
    "ReferringPhysicianName": b"Roe^Richard",
    "StudyDescription": b"CHEST PA",
    "SeriesDescription": b"THORAX",
    "PatientName": b"Doe^Jane",
    "StationName": b"ROOM 2",
    "PatientID": b"P1",
    "IssuerOfPatientID": b"HOSPITAL",
    "PatientBirthDate": b"19500101",
    "PatientSex": b"F",
    "PatientAge": b"074Y",
    "PatientSize": b"1.62",
    "PatientWeight": b"61",
    "BodyPartExamined": b"CHEST",
    "ViewPosition": b"PA",
    "StudyInstanceUID": b"1.2.826.0.1.3680043.8.498.2",
    "SeriesInstanceUID": b"1.2.826.0.1.3680043.8.498.3",
    "StudyID": b"S1",
    "PatientOrientation": b"L\\F",
    "ImagerPixelSpacing": b"0.15\\0.15",
    "PixelSpacing": b"0.15\\0.15",
    "ManufacturerModelName": b"Model",
    "ProtocolName": b"Chest PA",
    "AcquisitionDeviceProcessingDescription": b"CHEST",
    "RequestedProcedureDescription": b"Chest 2 views",
    "PerformedProcedureStepDescription": b"Chest 2 views",
    "DerivationDescription": b"Lossy compression",
    "AnatomicRegionSequence": _ITEM,
    "ViewCodeSequence": _ITEM,
    "ContributingEquipmentSequence": _ITEM,
    "RequestAttributesSequence": _ITEM,
    "SamplesPerPixel": b"\x01\x00",
    "PhotometricInterpretation": b"MONOCHROME2",
    "Rows": b"\x00\x04",
    "Columns": b"\x00\x04",
    "BitsAllocated": b"\x10\x00",
    "BitsStored": b"\x0c\x00",
}
_POLICY = make_admission_policy()


def run(rnd: Random, folder: Path) -> str:
    """Read and admit one hostile header as ingest and screening do."""
    path = folder / "film.dcm"
    path.write_bytes(hostile_file(rnd))
    try:
        with as_part10(path) as file:
            film = read_film(file, "MODALITY", partial(pseudonym, bytes(32)))
    except NotDicomError:
        return "not DICOM"
    except Permanent as error:
        check_one_line(error)
        return "unreadable"
    finally:
        path.unlink()
    _check(film)
    admission = admit(film, _POLICY)
    if isinstance(admission, Admitted):
        return "admitted"
    if has_control_characters(admission.text):
        raise InvariantViolation(f"a reason is not one line: {admission.text!r}")
    return "refused"


def hostile_file(rnd: Random) -> bytes:
    """Return a file whose header has one or several faults."""
    return weighted_choice(
        rnd, (45, _values), (40, _bytes), (10, _bare), (3, _nested), (2, _deflated)
    )(rnd)


def elements(rnd: Random, max_faults: int) -> list[Element]:
    """Return a header with up to `max_faults` corrupt, missing, repeated or misplaced elements."""
    header = [element(keyword, value) for keyword, value in GOOD.items()]
    for _ in range(rnd.randint(1, max_faults)):
        at = rnd.randrange(len(header))
        match rnd.randrange(12):
            case 0:
                del header[at]
            case 1:
                header.insert(at, header[at])
            case 2:
                header.insert(rnd.randrange(len(header)), header.pop(at))
            case _:
                header[at] = corrupt(rnd, header[at])
    return header


def _values(rnd: Random) -> bytes:
    syntax = rnd.choice(SYNTAXES)
    meta = None
    if rnd.random() < 0.1:
        meta = [corrupt(rnd, element("TransferSyntaxUID", syntax.encode()))]
    return part10(body(elements(rnd, 5), syntax), syntax, meta)


def _bytes(rnd: Random) -> bytes:
    syntax = rnd.choice(SYNTAXES)
    valid = [element(keyword, value) for keyword, value in GOOD.items()]
    pixels = Element(0x7FE00010, "OW", bytes(64))
    return mutate(rnd, part10(body([*valid, pixels], syntax), syntax), start=rnd.choice((0, 132)))


def _bare(rnd: Random) -> bytes:
    return mutate(rnd, body(elements(rnd, 3), rnd.choice(SYNTAXES[:3])))


def _nested(rnd: Random) -> bytes:
    depth, defined = weighted_choice(rnd, (4, 10), (4, 900), (2, 5000)), rnd.random() < 0.3
    uids = [element("SOPClassUID", GOOD["SOPClassUID"])]
    content = body(uids, ExplicitVRLittleEndian) + nest(depth, defined)
    return part10(content, ExplicitVRLittleEndian)


def _deflated(rnd: Random) -> bytes:
    if rnd.random() < 0.02:
        return _bomb(rnd.choice((40, 300, 600)))
    valid = body([element(*item) for item in GOOD.items()], DeflatedExplicitVRLittleEndian)
    return part10(mutate(rnd, valid), DeflatedExplicitVRLittleEndian)


def _bomb(mebibytes: int) -> bytes:
    """Return a small film whose pixels inflate to this size."""
    length = mebibytes * 1024 * 1024
    valid = [element(*item) for item in GOOD.items()]
    opened = body([*valid, Element(0x7FE00010, "OW", b"", length)], ExplicitVRLittleEndian)
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    start = deflate.compress(opened) + deflate.flush(zlib.Z_FULL_FLUSH)
    # A block after a full flush does not depend on earlier data, so the block can be repeated.
    block = deflate.compress(bytes(1024 * 1024)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return part10(start + block * mebibytes + deflate.flush(), DeflatedExplicitVRLittleEndian)


def _check(film: Film) -> None:
    """Check that texts are short and printable, numbers are finite, and UIDs are valid."""
    texts = [
        film.modality,
        film.body_part_examined,
        film.view_position,
        film.manufacturer,
        film.photometric_interpretation,
        film.sex,
        film.station,
        film.patient,
        *film.image_type,
    ]
    for text in texts:
        if len(text) > 64 or has_control_characters(text):
            raise InvariantViolation(f"a text is long or has control characters: {text[:80]!r}")
        text.encode("utf-8")  # other texts fail in the database and in reports
    for number in (
        film.age_years,
        film.weight_kg,
        film.height_cm,
        film.rows,
        film.columns,
        film.bits_stored,
        film.width_mm,
    ):
        if number is not None and not 0 <= number < 1e12:
            raise InvariantViolation(f"not a valid number: {number!r}")
    for uid in (film.sop_instance_uid, film.study_instance_uid, film.series_instance_uid):
        if not uid or set(uid) - set("0123456789."):
            raise InvariantViolation(f"not a valid UID: {uid[:80]!r}")


if missing := {*FILM_KEYWORDS, *PATIENT_KEYWORDS} - set(GOOD) - {"NumberOfFrames"}:
    raise AssertionError(f"no case corrupts these elements: {missing}")
