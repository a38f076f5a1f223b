"""Whatever becomes of a film at its admission is explained in `docs/explanation/admission.md`."""

from enum import StrEnum

import pytest

from node.domain.admission.header_rules import PixelRule
from node.domain.admission.reasons import AdmissionNote, Reason
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "explanation" / "admission.md").read_text(encoding="utf-8")


def rows_of(heading: str) -> dict[str, list[str]]:
    """Return the table whose first column has this heading: first cell to the others."""
    body = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()]
    return {cells[0].strip("`"): cells[1:] for cells in lines if cells[0].startswith("`")}


@pytest.mark.parametrize(("heading", "codes"), [("reason", Reason), ("note", AdmissionNote)])
def test_every_code_is_explained(heading: str, codes: type[StrEnum]) -> None:
    """A REJECTED film can be looked up, and nothing is listed that does not exist."""
    rows = rows_of(heading)
    assert set(rows) == set(codes)
    assert all(all(cells) for cells in rows.values())


def test_what_is_left_to_the_pixels_is_told_for_every_rule() -> None:
    """One column for each."""
    assert f"| the header | {' | '.join(f'`{rule}`' for rule in PixelRule)} |" in PAGE
