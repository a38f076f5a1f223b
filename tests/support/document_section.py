"""Sections of a page that programs write, each between two comments of its own."""

import re
from pathlib import Path


def put(page: Path, name: str, text: str) -> None:
    """Write a section of a page anew, and leave the rest as it is.

    Raises ValueError where the page has no place for it.
    """
    begin, end = f"<!-- {name}: written by a program -->", f"<!-- end of {name} -->"
    before = page.read_text(encoding="utf-8")
    between = re.compile(f"(?<={re.escape(begin)}\n).*(?={re.escape(end)})", re.DOTALL)
    after, found = between.subn(lambda _: f"\n{text.strip()}\n\n", before)
    if not found:
        raise ValueError(f"{page} has no lines {begin!r} and {end!r}")
    page.write_text(after, encoding="utf-8")
