"""A section that a program writes: it alone changes."""

from pathlib import Path

import pytest

from tests.support.document_section import put

PAGE = """# Page

<!-- faults: written by a program -->
old
<!-- end of faults -->

By hand.

<!-- soak: written by a program -->
<!-- end of soak -->
"""


def test_a_section_is_written_anew_and_nothing_else(tmp_path: Path) -> None:
    """Also one that was empty, and a text that looks like a pattern."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    put(page, "faults", "| a \\1 |\n")
    put(page, "soak", "flat")
    assert page.read_text() == PAGE.replace("old\n", "\n| a \\1 |\n\n").replace(
        "program -->\n<!-- end of soak", "program -->\n\nflat\n\n<!-- end of soak"
    )
    before = page.read_text()
    put(page, "soak", "flat")
    assert page.read_text() == before


def test_a_page_without_its_place_is_an_error(tmp_path: Path) -> None:
    """A report must not vanish because somebody tidied the page."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    with pytest.raises(ValueError, match="has no lines"):
        put(page, "fuzz", "text")
