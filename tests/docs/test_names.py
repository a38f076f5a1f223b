"""Test files have names that pytest can tell apart."""

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_no_two_test_files_have_one_name() -> None:
    """Their folders are no packages: of two with one name, pytest collects the first alone."""
    count = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert [name for name, files in count.items() if files > 1] == []
