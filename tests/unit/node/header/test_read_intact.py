"""Spooled films that were damaged after their receipt are detected."""

from pathlib import Path

import pytest

from node.domain.errors import Permanent, Transient
from node.header.read import read_film, require_intact
from tests.support.films import make_film, write_film


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a film's file."""
    return write_film(make_film(), tmp_path / "film.dcm")


def test_an_unchanged_film_is_intact(path: Path) -> None:
    """A file with another preamble is still intact."""
    received = read_film(path, "XRAY1")
    require_intact(path, received)
    path.write_bytes(b"\1" * 128 + path.read_bytes()[128:])
    require_intact(path, received)


@pytest.mark.parametrize("place", [400, -1])
def test_a_changed_bit_is_damage(path: Path, place: int) -> None:
    """The changed bit is in the header or in the pixels."""
    received = read_film(path, "XRAY1")
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(Permanent, match=r"damaged.*jobs retry"):
        require_intact(path, received)


@pytest.mark.parametrize("size", [0, 100, 140, 1000])
def test_a_truncated_film_is_damaged(path: Path, size: int) -> None:
    """A truncated film may be an empty file."""
    received = read_film(path, "XRAY1")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(Permanent, match="damaged"):
        require_intact(path, received)


def test_an_unreadable_film_is_a_transient_error(path: Path) -> None:
    """A network share that cannot be read now may recover."""
    received = read_film(path, "XRAY1")
    path.unlink()
    with pytest.raises(Transient, match="No such file"):
        require_intact(path, received)
