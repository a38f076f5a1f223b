"""Files are read with and without a preamble, and other files are recognised as not DICOM."""

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from node.header.part10 import NotDicomError, as_part10, is_directory_record
from node.header.read import read_film
from tests.support.films import encoded_data_set, make_film, write_film


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_data_set_without_preamble_is_the_same_film(syntax: str, tmp_path: Path) -> None:
    """The first bytes show the encoding, so attributes, digest and pixels are the same."""
    complete = write_film(make_film(syntax=syntax), tmp_path / "complete.dcm")
    bare = tmp_path / "bare"
    bare.write_bytes(encoded_data_set(complete))
    with as_part10(bare) as wrapped:
        assert wrapped != bare
        actual, expected = read_film(wrapped, ""), read_film(complete, "")
        assert actual.digest == expected.digest
        assert actual.transfer_syntax_uid == syntax
        assert (actual.sop_instance_uid, actual.rows) == (expected.sop_instance_uid, 256)
        assert (dcmread(wrapped).pixel_array == dcmread(complete).pixel_array).all()
    assert not wrapped.exists()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_existing_file_meta_information_is_used(syntax: str, tmp_path: Path) -> None:
    """File meta information without a preamble may state that the data set is deflated."""
    complete = write_film(make_film(syntax=syntax), tmp_path / "complete.dcm")
    cut = tmp_path / "cut"
    cut.write_bytes(complete.read_bytes()[132:])
    with as_part10(cut) as wrapped:
        assert read_film(wrapped, "").digest == read_film(complete, "").digest


def test_a_part10_file_is_not_copied(tmp_path: Path) -> None:
    """Most files are Part 10 files and are read without a copy."""
    path = write_film(make_film(), tmp_path / "film.dcm")
    with as_part10(path) as part10:
        assert part10 == path


@pytest.mark.parametrize(
    "content",
    [b"no film", b"\x08", b"\x89PNG\r\n\x1a\n" + bytes(200), b"PK\x03\x04", bytes(132)],
)
def test_a_file_that_is_not_dicom_raises_an_error(content: bytes, tmp_path: Path) -> None:
    """Archives contain files that are not DICOM."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(NotDicomError), as_part10(path):
        pass


def test_a_dicomdir_is_recognised(tmp_path: Path) -> None:
    """Exported media contain a DICOMDIR."""
    ds = make_film()
    assert not is_directory_record(write_film(ds, tmp_path / "film.dcm"))
    ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    path = tmp_path / "DICOMDIR"
    ds.save_as(path, enforce_file_format=False)
    assert is_directory_record(path)
    assert not is_directory_record(tmp_path)
