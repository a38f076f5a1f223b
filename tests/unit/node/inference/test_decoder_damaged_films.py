"""A damaged film fails permanently, with a one-line error, before its pixels are decoded."""

import struct
from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from node.domain.errors import Permanent, Rejected
from node.inference.decoder import decode
from tests.support.elements import element, preamble, write_header
from tests.support.films import make_film, write_film


def test_a_truncated_deflated_film_is_damaged(tmp_path: Path) -> None:
    """Another attempt would read the same truncated bytes."""
    path = write_film(make_film(syntax=DeflatedExplicitVRLittleEndian), tmp_path / "film.dcm")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Permanent, match="the deflated data set cannot be inflated"):
        decode(path)


def test_a_sequence_without_end_is_damaged(tmp_path: Path) -> None:
    """pydicom raises OSError for this sequence, but an OSError of the disk would be retried."""
    item = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00"
    path = tmp_path / "film.dcm"
    path.write_bytes(preamble() + element("SOPInstanceUID", b"1.2.3.4\0") + item)
    with pytest.raises(Permanent, match="a sequence does not end"):
        decode(path)


def test_a_group_length_of_odd_size_is_damaged(tmp_path: Path) -> None:
    """For an odd group length, pydicom raises an error of its own class."""
    content = bytearray(write_header(tmp_path / "film.dcm", {}).read_bytes())
    content[138:140] = struct.pack("<H", 3)
    path = tmp_path / "odd.dcm"
    path.write_bytes(content)
    with pytest.raises(Permanent, match="the film is damaged"):
        decode(path)


def test_an_unknown_transfer_syntax_is_not_quoted(tmp_path: Path) -> None:
    """The sender may write any text as a transfer syntax, and the message is logged."""
    path = write_film(make_film(), tmp_path / "film.dcm")
    path.write_bytes(
        path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840\n008.1.2.1\0\0\0")
    )
    with pytest.raises(Rejected, match="do not decode from an unknown transfer syntax") as rejected:
        decode(path)
    assert str(rejected.value).isprintable()
