"""FileReader returns one of five results for any file."""

from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from node.batch.reader import DecodedFilm, KnownFilm, RefusedFilm, SkippedFile, UnreadableFile
from node.domain.admission.header_rules import Admitted
from node.header.read import read_film
from tests.support.elements import preamble
from tests.support.films import encoded_data_set, make_film, write_film
from tests.support.policies import make_admission_policy
from tests.support.readers import reader


def test_a_film_is_decoded_with_its_header(tmp_path: Path) -> None:
    path = write_film(make_film(), tmp_path / "film.dcm")
    content = reader().read(path, "")
    assert isinstance(content, DecodedFilm)
    assert content.case.film == read_film(path, "")
    assert content.case.radiograph.pixels.shape == (256, 256)


def test_a_film_without_preamble_is_decoded(tmp_path: Path) -> None:
    """Old archives contain many films without a preamble."""
    bare = tmp_path / "bare"
    bare.write_bytes(encoded_data_set(write_film(make_film(), tmp_path / "film.dcm")))
    assert isinstance(reader().read(bare, ""), DecodedFilm)


def test_the_same_bytes_are_not_decoded_again(tmp_path: Path) -> None:
    """A decoded film is not decoded again, but the admission policy is applied again."""
    path = write_film(make_film(), tmp_path / "film-segfault.dcm")
    first = read_film(path, "")
    assert reader().read(path, first.digest) == KnownFilm(first, Admitted())
    strict = reader(policy=make_admission_policy(min_age=70))
    refused = strict.read(path, first.digest)
    assert isinstance(refused, RefusedFilm)
    assert refused.reason == "age"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"sop_class": CTImageStorage}, "sop-class"),
        ({"BodyPartExamined": "HAND"}, "body-part"),
        ({"PixelData": bytes(256 * 256)}, "pixels"),
    ],
)
def test_a_refused_film_has_a_reason_code(
    values: dict[str, object], reason: str, tmp_path: Path
) -> None:
    path = write_film(make_film(**values), tmp_path / "film.dcm")  # type: ignore[arg-type]
    content = reader().read(path, "")
    assert isinstance(content, RefusedFilm)
    assert content.reason == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"a letter", "not DICOM"),
        (b"\x08\x00\x05\x00\x00\x00\x00\x00", "not DICOM"),
        (b"\x08\x00\x05\x00CS" + bytes(500), "not DICOM"),
    ],
)
def test_other_files_are_skipped(content: bytes, reason: str, tmp_path: Path) -> None:
    """A file is skipped even if its first bytes resemble a data set by chance."""
    path = tmp_path / "file"
    path.write_bytes(content)
    assert reader().read(path, "") == SkippedFile(reason)


def test_a_dicomdir_is_skipped(tmp_path: Path) -> None:
    ds = make_film()
    del ds.SOPInstanceUID
    ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    ds.save_as(tmp_path / "DICOMDIR", enforce_file_format=False)
    assert reader().read(tmp_path / "DICOMDIR", "") == SkippedFile("DICOMDIR")


def test_a_damaged_film_is_unreadable(tmp_path: Path) -> None:
    """A file that begins like a DICOM file is reported as unreadable, not skipped."""
    path = tmp_path / "film.dcm"
    path.write_bytes(preamble())
    content = reader().read(path, "")
    assert content == UnreadableFile("SOPInstanceUID is absent or not a UID")


def test_a_deleted_file_is_unreadable(tmp_path: Path) -> None:
    """The file is deleted between the search and the reading."""
    content = reader().read(tmp_path / "gone.dcm", "")
    assert content == UnreadableFile("the file cannot be read: No such file or directory")


def test_a_film_above_the_size_limit_is_not_decoded(tmp_path: Path) -> None:
    """For a film above the size limit, the header is read but no pixels are decoded."""
    path = write_film(make_film(), tmp_path / "film.dcm")
    content = reader(max_size=1000).read(path, "")
    assert isinstance(content, UnreadableFile)
    assert "dicom.max_object" in content.error
    assert content.film == read_film(path, "")


def test_an_unexpected_error_loses_its_message(tmp_path: Path) -> None:
    """The message of an unexpected error may quote a patient's name."""
    content = reader().read(write_film(make_film(), tmp_path / "bug.dcm"), "")
    assert isinstance(content, UnreadableFile)
    assert "unexpected ZeroDivisionError at" in content.error
    assert "Doe" not in content.error
