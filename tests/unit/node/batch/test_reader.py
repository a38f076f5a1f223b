"""One file, whatever it is, becomes one of five readings."""

from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from node.batch.reader import Decoded, Known, Skipped, TurnedAway, Unread
from node.domain.admission.header_rules import AdmissionPolicy, Admitted
from node.header.read import read_film
from tests.support.elements import preamble
from tests.support.readers import reader
from tests.support.wire_films import encoded_data_set, film, write


def test_a_film_is_decoded_with_its_facts(tmp_path: Path) -> None:
    """By the node's own reading of headers and pixels."""
    path = write(film(), tmp_path / "film.dcm")
    reading = reader().read(path, "")
    assert isinstance(reading, Decoded)
    assert reading.film == read_film(path, "")
    assert reading.radiograph.pixels.shape == (256, 256)


def test_a_film_without_preamble_is_decoded(tmp_path: Path) -> None:
    """Old archives are full of them."""
    bare = tmp_path / "bare"
    bare.write_bytes(encoded_data_set(write(film(), tmp_path / "film.dcm")))
    assert isinstance(reader().read(bare, ""), Decoded)


def test_the_same_bytes_are_not_decoded_again(tmp_path: Path) -> None:
    """Unless policy no longer admits them, which is asked every time."""
    path = write(film(), tmp_path / "film-segfault.dcm")
    known = read_film(path, "")
    assert reader().read(path, known.digest) == Known(known, Admitted())
    strict = reader(policy=AdmissionPolicy(min_age=70))
    turned_away = strict.read(path, known.digest)
    assert isinstance(turned_away, TurnedAway)
    assert turned_away.reason == "age"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"sop_class": CTImageStorage}, "sop-class"),
        ({"BodyPartExamined": "HAND"}, "body-part"),
        ({"PixelData": bytes(256 * 256)}, "pixels"),
    ],
)
def test_what_must_not_be_scored_has_its_reason(
    values: dict[str, object], reason: str, tmp_path: Path
) -> None:
    """The reasons are the node's."""
    path = write(film(**values), tmp_path / "film.dcm")  # type: ignore[arg-type]
    reading = reader().read(path, "")
    assert isinstance(reading, TurnedAway)
    assert reading.reason == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"a letter", "no DICOM"),
        (b"\x08\x00\x05\x00\x00\x00\x00\x00", "no DICOM"),
        (b"\x08\x00\x05\x00CS" + bytes(500), "no DICOM"),
    ],
)
def test_what_is_no_film_is_skipped(content: bytes, reason: str, tmp_path: Path) -> None:
    """Also what begins like a data set by chance."""
    path = tmp_path / "file"
    path.write_bytes(content)
    assert reader().read(path, "") == Skipped(reason)


def test_a_dicomdir_is_skipped(tmp_path: Path) -> None:
    """An index of films is none."""
    ds = film()
    del ds.SOPInstanceUID
    ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    ds.save_as(tmp_path / "DICOMDIR", enforce_file_format=False)
    assert reader().read(tmp_path / "DICOMDIR", "") == Skipped("DICOMDIR")


def test_a_damaged_film_fails_and_says_why(tmp_path: Path) -> None:
    """Part 10 by its first bytes: somebody's film, and its loss must be seen."""
    path = tmp_path / "film.dcm"
    path.write_bytes(preamble())
    reading = reader().read(path, "")
    assert reading == Unread("SOPInstanceUID is absent or not a UID")


def test_a_file_that_is_gone_fails(tmp_path: Path) -> None:
    """Listed, and deleted before its turn."""
    reading = reader().read(tmp_path / "gone.dcm", "")
    assert reading == Unread("the file cannot be read: No such file or directory")


def test_a_film_larger_than_the_node_takes_is_not_decoded(tmp_path: Path) -> None:
    """Its header is told all the same."""
    path = write(film(), tmp_path / "film.dcm")
    reading = reader(max_size=1000).read(path, "")
    assert isinstance(reading, Unread)
    assert "dicom.max_object" in reading.error
    assert reading.film == read_film(path, "")


def test_an_unforeseen_error_is_told_without_its_words(tmp_path: Path) -> None:
    """A library's message may quote a patient's name."""
    reading = reader().read(write(film(), tmp_path / "bug.dcm"), "")
    assert isinstance(reading, Unread)
    assert "unforeseen ZeroDivisionError at" in reading.error
    assert "Doe" not in reading.error
