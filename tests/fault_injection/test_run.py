"""A run of one minute has a real node and a real archive, and writes a table."""

from pathlib import Path

import pytest

from tests.fault_injection.__main__ import main
from tests.fault_injection.plan import KILL

pytestmark = [pytest.mark.long, pytest.mark.tools("dcmsend", "echoscu", "Orthanc")]


def test_kills_under_traffic_lose_nothing(tmp_path: Path) -> None:
    """Films are acknowledged while processes are killed, and each film has its two results."""
    page, journal = tmp_path / "page.md", tmp_path / "journal.jsonl"
    page.write_text(
        "<!-- fault injection: written by a program -->\n<!-- end of fault injection -->\n"
    )
    options = ["--only", KILL, "--kills", "3", "--database", "sqlite", "--seed", "7"]
    assert main([*options, "--out", str(page), "--journal", str(journal)]) == 0
    [row] = [line for line in page.read_text().splitlines() if line.startswith("| all ")]
    _, _, trials, acknowledged, *counts = (cell.strip() for cell in row.strip("|").split("|"))
    assert trials == "3 SQLite"
    assert int(acknowledged) > 0
    assert counts == ["0", "0", "0"]
