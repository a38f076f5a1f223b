"""Random bytes give a film or the error Permanent; no text has control characters."""

import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.errors import Permanent
from node.domain.radiograph.film import Film
from node.header.read import read_film
from tests.support.elements import element, preamble, write_header

SYNTAXES = (b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.2")
SHORT = st.text(max_size=200).map(str.encode)


def read(content: bytes) -> Film | None:
    """Return the film of a file with this content, or None if it is refused."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.dcm"
        path.write_bytes(content)
        try:
            return read_film(path, "A")
        except Permanent as error:
            assert str(error).isprintable()
            return None


@settings(max_examples=150, deadline=None)
@given(syntax=st.sampled_from(SYNTAXES), content=st.binary(max_size=400))
def test_any_bytes_after_the_preamble(syntax: bytes, content: bytes) -> None:
    """Random bytes after the preamble contain no UIDs, so they give no film."""
    assert read(preamble(syntax) + content) is None


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_after_the_identifiers(content: bytes) -> None:
    """A file with UIDs and random bytes gives a film with a UID, or is refused."""
    uids = ("SOPClassUID", "SOPInstanceUID")
    identifiers = b"".join(element(keyword, b"1.2.3.4\0") for keyword in uids)
    film = read(preamble() + identifiers + content)
    assert film is None or film.sop_instance_uid


@settings(max_examples=150, deadline=None)
@given(text=SHORT)
def test_any_text_as_a_text(text: bytes) -> None:
    """Each text of a film is short and has a single line."""
    with TemporaryDirectory() as folder:
        values = {"SpecificCharacterSet": b"ISO_IR 192", "Manufacturer": text}
        film = read_film(write_header(Path(folder) / "film.dcm", values), "A")
    assert len(film.manufacturer) <= 64
    assert all(unicodedata.category(c) not in ("Cc", "Cs") for c in film.manufacturer)
