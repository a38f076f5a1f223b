"""Files as archives hold them: with preamble, without, and what is no DICOM at all."""

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
from tests.support.wire_films import encoded_data_set, film, write


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_bare_data_set_is_the_film_it_is_with_preamble(syntax: str, tmp_path: Path) -> None:
    """Its encoding is told from its first bytes; facts, digest and pixels are the same."""
    whole = write(film(syntax=syntax), tmp_path / "whole.dcm")
    bare = tmp_path / "bare"
    bare.write_bytes(encoded_data_set(whole))
    with as_part10(bare) as wrapped:
        assert wrapped != bare
        found, expected = read_film(wrapped, ""), read_film(whole, "")
        assert found.digest == expected.digest
        assert found.transfer_syntax_uid == syntax
        assert (found.sop_instance_uid, found.rows) == (expected.sop_instance_uid, 256)
        assert (dcmread(wrapped).pixel_array == dcmread(whole).pixel_array).all()
    assert not wrapped.exists()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_where_only_the_preamble_is_missing_the_meta_information_counts(
    syntax: str, tmp_path: Path
) -> None:
    """It says what no guess could: that the rest is deflated, for one."""
    whole = write(film(syntax=syntax), tmp_path / "whole.dcm")
    cut = tmp_path / "cut"
    cut.write_bytes(whole.read_bytes()[132:])
    with as_part10(cut) as wrapped:
        assert read_film(wrapped, "").digest == read_film(whole, "").digest


def test_a_whole_file_is_not_copied(tmp_path: Path) -> None:
    """Most are; they are read where they lie."""
    path = write(film(), tmp_path / "film.dcm")
    with as_part10(path) as same:
        assert same == path


@pytest.mark.parametrize(
    "content",
    [b"no film", b"\x08", b"\x89PNG\r\n\x1a\n" + bytes(200), b"PK\x03\x04", bytes(132)],
)
def test_what_is_no_dicom_is_told_apart(content: bytes, tmp_path: Path) -> None:
    """Letters, pictures and zeros lie among the films of any archive."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(NotDicomError), as_part10(path):
        pass


def test_a_dicomdir_is_no_film(tmp_path: Path) -> None:
    """Every exported disc has one."""
    ds = film()
    assert not is_directory_record(write(ds, tmp_path / "film.dcm"))
    ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    path = tmp_path / "DICOMDIR"
    ds.save_as(path, enforce_file_format=False)
    assert is_directory_record(path)
    assert not is_directory_record(tmp_path)
