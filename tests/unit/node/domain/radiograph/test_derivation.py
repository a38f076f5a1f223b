"""Derived images are recognised by Image Type and descriptions."""

import pytest

from node.domain.radiograph.derivation import Derivation, derivation_of


@pytest.mark.parametrize(
    ("text", "derivation"),
    [
        ("CHEST PA BONE SUPPRESSED", Derivation.BONE_SUPPRESSED),
        ("BONE_SUPPRESSION", Derivation.BONE_SUPPRESSED),
        ("胸部 骨抑制", Derivation.BONE_SUPPRESSED),
        ("Dual Energy Soft Tissue", Derivation.DUAL_ENERGY),
        ("BONE IMAGE", Derivation.DUAL_ENERGY),
        ("SUBTRACTION", Derivation.DUAL_ENERGY),
        ("Companion View", Derivation.COMPANION),
        ("CHEST CAD", Derivation.OVERLAY),
        ("AI result overlay", Derivation.OVERLAY),
        ("Grad-CAM", Derivation.HEATMAP),
        ("TOMOSYNTHESIS", Derivation.TOMOSYNTHESIS),
        ("STITCHED", Derivation.STITCHED),
        ("MIP", Derivation.RECONSTRUCTED),
        ("LOCALIZER", Derivation.LOCALIZER),
        ("SCREEN SAVE", Derivation.CAPTURE),
        ("Patient Protocol", Derivation.DOCUMENT),
        ("Dose Report", Derivation.DOCUMENT),
        ("SCANNED FILM", Derivation.DIGITISED),
    ],
)
def test_each_kind_is_recognised(text: str, derivation: Derivation) -> None:
    """A radiologist does not read such derived images as films."""
    assert derivation_of(["", text]) is derivation


@pytest.mark.parametrize(
    "text",
    [
        *("", "ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "RAD", "Chest PA", "no CAD"),
        *("Lossy compression", "Cadogan Hospital", "Bone suppression off", "Dual energy standard"),
        *("Simulated: rendered from a chest CT at a known bone density", "w/o grid", "胸部正位"),
    ],
)
def test_a_processed_film_is_original(text: str) -> None:
    """Texts on processing, compression or acquisition do not make a film a derived image."""
    assert derivation_of([text]) is None
