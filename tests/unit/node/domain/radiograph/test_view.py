"""The view of a film comes from View Position, a code, a text or the orientation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts

from node.domain.radiograph.view import (
    View,
    view_in_text,
    view_of_code,
    view_of_orientation,
    view_of_position,
)


@pytest.mark.parametrize(
    ("position", "view"),
    [
        ("PA", View.PA),
        ("P-A", View.PA),
        ("PA ERECT", View.PA),
        ("POSTERO_ANTERIOR", View.PA),
        ("AP", View.AP),
        ("A-P", View.AP),
        ("AP_SUPINE", View.AP),
        ("AP PORTABLE", View.AP),
        ("FRONTAL", View.FRONTAL),
        ("LL", View.LATERAL),
        ("RL", View.LATERAL),
        ("LAT", View.LATERAL),
        ("LATERAL", View.LATERAL),
        ("RLO", View.OBLIQUE),
        ("LPO", View.OBLIQUE),
        ("AP OBLIQUE", View.OBLIQUE),
        ("LORDOTIC", View.LORDOTIC),
        ("AP LORDOTIC", View.LORDOTIC),
        ("LLD", View.DECUBITUS),
        ("LEFT LATERAL DECUBITUS", View.DECUBITUS),
        ("AXIAL", View.OTHER),
        ("", None),
        ("ERECT", None),
        ("PA/LAT", None),
        ("V7Q", None),
    ],
)
def test_view_position(position: str, view: View | None) -> None:
    """The values are the defined terms and other words found in practice."""
    assert view_of_position(position) is view


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("view: PA", View.PA),
        ("Chest PA PA", View.PA),
        ("Thorax p.a. im Stehen", View.PA),
        ("后前位", View.PA),
        ("Thorax a.p. liegend", View.AP),
        ("前后位", View.AP),
        ("tórax AP en decúbito supino", View.AP),
        ("胸部正位", View.FRONTAL),
        ("Thorax de face", View.FRONTAL),
        ("tórax PA/AP", View.FRONTAL),
        ("侧位", View.LATERAL),
        ("胸部側面", View.LATERAL),
        ("Thorax seitl.", View.LATERAL),
        ("de profil", View.LATERAL),
        ("tórax perfil", View.LATERAL),
        ("흉부 측면", View.LATERAL),
        ("chest lateral decubitus", View.DECUBITUS),
        ("右侧卧位", View.DECUBITUS),
    ],
)
def test_free_text(text: str, view: View) -> None:
    """The view is read from texts in several languages."""
    assert view_in_text(text) is view


@pytest.mark.parametrize(
    "text",
    [
        *(
            "CHEST PA AND LATERAL",
            "XR CHEST 2 VIEWS PA/LAT",
            "胸部正侧位",
            "Thorax p.a. und seitl.",
        ),
        *("PA and obliques", "bilateral", "collateral", "PA catheter", "AP window", "Thorax", ""),
    ],
)
def test_a_text_with_several_views_or_none_gives_no_view(text: str) -> None:
    """A text such as "PA AND LATERAL" has two views, and PA may also mean the pulmonary artery."""
    assert view_in_text(text) is None


@pytest.mark.parametrize(
    ("value", "meaning", "view"),
    [
        ("272479007", "postero-anterior", View.PA),
        ("R-10214", "postero-anterior", View.PA),
        ("399348003", "antero-posterior", View.AP),
        ("R-10206", "antero-posterior", View.AP),
        ("399067008", "lateral", View.LATERAL),
        ("399173006", "left lateral", View.LATERAL),
        ("R-10232", "right lateral", View.LATERAL),
        ("260450008", "lordotic", View.LORDOTIC),
        ("XYZ", "Postero-Anterior", View.PA),
        ("XYZ", "", None),
    ],
)
def test_codes_or_the_meaning_of_unknown_codes(value: str, meaning: str, view: View | None) -> None:
    """The codes are those of SNOMED CT and, for older films, of SNOMED RT."""
    assert view_of_code(value, meaning) is view


def test_every_code_of_the_standard_has_the_view_of_its_meaning() -> None:
    """The codes are those of CID 4010 in PS3.16."""
    for scheme, names in cid_concepts[4010].items():
        for name in names:
            for value, (meaning, _) in concepts[scheme][name].items():
                view = view_of_position(meaning.upper())
                assert view is None or view_of_code(value, "") in (None, view), meaning


@pytest.mark.parametrize(
    ("orientation", "view"),
    [
        (("A", "F"), View.LATERAL),
        (("P", "F"), View.LATERAL),
        (("F", "A"), View.LATERAL),
        (("L", "F"), None),
        (("R", "F"), None),
        (("L", "P"), None),
        (("L",), None),
        ((), None),
        (("A", "F", "L"), None),
        (("", ""), None),
    ],
)
def test_orientation(orientation: tuple[str, ...], view: View | None) -> None:
    r"""Devices write L\F into every film, so only a lateral orientation is used."""
    assert view_of_orientation(orientation) is view


@given(st.text(max_size=64))
def test_no_text_raises_an_error(text: str) -> None:
    """The text comes from a peer and may contain anything."""
    assert view_in_text(text) in {None, *View}
    assert view_of_position(text) in {None, *View}
