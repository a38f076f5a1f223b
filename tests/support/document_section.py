"""Programs write sections of a page, each between two HTML comments."""

import re
from pathlib import Path


def replace_section(page: Path, name: str, text: str) -> None:
    """Replace a section of a page. Raises ValueError if the page does not have the section."""
    begin, end = f"<!-- {name}: written by a program -->", f"<!-- end of {name} -->"
    content = page.read_text(encoding="utf-8")
    section = re.compile(f"(?<={re.escape(begin)}\n).*(?={re.escape(end)})", re.DOTALL)
    replaced, count = section.subn(lambda _: f"\n{text.strip()}\n\n", content)
    if not count:
        raise ValueError(f"{page} has no lines {begin!r} and {end!r}")
    page.write_text(replaced, encoding="utf-8")
