"""A film that is damaged fails for good, in one line, before a decoder sees it."""

import struct
from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from node.domain.errors import Permanent, Rejected
from node.inference.decoder import decode
from tests.support.elements import element, hostile, preamble
from tests.support.wire_films import film, write


def test_a_deflated_film_that_breaks_off(tmp_path: Path) -> None:
    """zlib's error is no trouble of the disk: trying again would not help."""
    path = write(film(syntax=DeflatedExplicitVRLittleEndian), tmp_path / "film.dcm")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Permanent, match="the film is damaged: it does not inflate"):
        decode(path)


def test_a_sequence_without_end(tmp_path: Path) -> None:
    """pydicom says so by an OSError, which would be tried again if it were the disk's."""
    item = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00"
    path = tmp_path / "film.dcm"
    path.write_bytes(preamble() + element("SOPInstanceUID", b"1.2.3.4\0") + item)
    with pytest.raises(Permanent, match="a sequence does not end"):
        decode(path)


def test_a_group_length_of_odd_size(tmp_path: Path) -> None:
    """pydicom's error for it is none of the usual ones."""
    content = bytearray(hostile(tmp_path / "film.dcm", {}).read_bytes())
    content[138:140] = struct.pack("<H", 3)
    path = tmp_path / "odd.dcm"
    path.write_bytes(content)
    with pytest.raises(Permanent, match="the film is damaged"):
        decode(path)


def test_a_transfer_syntax_is_not_repeated(tmp_path: Path) -> None:
    """It is whatever the sender wrote, and the message goes into a log."""
    path = write(film(), tmp_path / "film.dcm")
    path.write_bytes(
        path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840\n008.1.2.1\0\0\0")
    )
    with pytest.raises(Rejected, match="do not decode from an unknown transfer syntax") as caught:
        decode(path)
    assert str(caught.value).isprintable()
