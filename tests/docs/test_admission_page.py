"""`docs/explanation/admission.md` describes every rule of the image check."""

from node.domain.admission.header_rules import PixelRule
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "explanation" / "admission.md").read_text(encoding="utf-8")


def test_open_questions_are_described_for_every_rule() -> None:
    """The table of open questions has one column for each rule."""
    assert f"| the header | {' | '.join(f'`{rule}`' for rule in PixelRule)} |" in PAGE
