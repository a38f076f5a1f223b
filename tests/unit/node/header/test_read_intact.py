"""A spooled film whose bytes have changed since they were received is never taken for itself."""

from pathlib import Path

import pytest

from node.domain.errors import Permanent, Transient
from node.header.read import read_film, require_intact
from tests.support.wire_films import film, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a film's file."""
    return write(film(), tmp_path / "film.dcm")


def test_the_bytes_that_were_received_are_intact(path: Path) -> None:
    """Also where the file meta information is another: it is no part of the film."""
    received = read_film(path, "XRAY1")
    require_intact(path, received)
    path.write_bytes(b"\1" * 128 + path.read_bytes()[128:])
    require_intact(path, received)


@pytest.mark.parametrize("place", [400, -1])
def test_a_flipped_bit_is_damage(path: Path, place: int) -> None:
    """In the header as in the pixels, where the film would still be scored."""
    received = read_film(path, "XRAY1")
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(Permanent, match=r"damaged.*jobs retry"):
        require_intact(path, received)


@pytest.mark.parametrize("size", [0, 100, 140, 1000])
def test_a_lost_end_is_damage(path: Path, size: int) -> None:
    """Down to no byte at all."""
    received = read_film(path, "XRAY1")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(Permanent, match="damaged"):
        require_intact(path, received)


def test_a_film_that_cannot_be_read_may_come_back(path: Path) -> None:
    """A share that is away is no damage."""
    received = read_film(path, "XRAY1")
    path.unlink()
    with pytest.raises(Transient, match="No such file"):
        require_intact(path, received)
