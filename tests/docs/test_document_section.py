from pathlib import Path

import pytest

from tests.support.document_section import replace_section

PAGE = """# Page

<!-- fault injection: written by a program -->
old
<!-- end of fault injection -->

Other text.

<!-- soak: written by a program -->
<!-- end of soak -->
"""


def test_a_section_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    """A section may be empty. The new text of a section may contain a backslash."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    replace_section(page, "fault injection", "| a \\1 |\n")
    replace_section(page, "soak", "flat")
    assert page.read_text() == PAGE.replace("old\n", "\n| a \\1 |\n\n").replace(
        "program -->\n<!-- end of soak", "program -->\n\nflat\n\n<!-- end of soak"
    )
    before = page.read_text()
    replace_section(page, "soak", "flat")
    assert page.read_text() == before


def test_a_page_without_the_section_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    with pytest.raises(ValueError, match="has no lines"):
        replace_section(page, "fuzz", "text")
