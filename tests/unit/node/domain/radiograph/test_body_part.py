"""Body parts are read from words, free texts and codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.radiograph.body_part import BodyPart, parts_in_text, parts_of_code


@pytest.mark.parametrize(
    "text",
    [
        *("CHEST", "THORAX", "chest pa", "PORT CHEST", "CHEST_PA", "Chest,2views", "CXR", "THX"),
        *("XR Chest AP portable", "CXR1V", "TORAX", "Tórax PA", "RX TORACE", "RX THORAX FACE"),
        *("Röntgen-Thorax", "Thoraxaufnahme im Bett", "Thoraxübersicht", "HERZ/LUNGE"),
        *("Radio de la poitrine", "Rx de pecho", "raio-x tórax", "胸部", "胸部正位片", "胸片"),
        *("胸部正側面", "胸部単純X線", "胸 P→A", "흉부 PA", "心肺"),
    ],
)
def test_the_chest_in_many_languages(text: str) -> None:
    """Devices and order systems write these texts for the chest and for no other body part."""
    assert parts_in_text(text) == (BodyPart.CHEST,)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("RIBCAGE", (BodyPart.RIB_CAGE,)),
        ("LUNG", (BodyPart.LUNG,)),
        ("Ribs left", (BodyPart.RIBS,)),
        ("THORACIC SPINE", (BodyPart.SPINE,)),
        ("T-SPINE", (BodyPart.SPINE,)),
        ("TSPINE", (BodyPart.SPINE,)),
        ("BWS 2 Ebenen", (BodyPart.SPINE,)),
        ("Rachis dorsal", (BodyPart.SPINE,)),
        ("胸椎正侧位", (BodyPart.SPINE,)),
        ("胸腰椎", (BodyPart.SPINE,)),
        ("흉추", (BodyPart.SPINE,)),
        ("胸骨侧位", (BodyPart.STERNUM,)),
        ("胸锁关节", (BodyPart.CLAVICLE,)),
        ("[LOWER LEG         ]", (BodyPart.LEG,)),
        ("Abdomen en décubitus", (BodyPart.ABDOMEN,)),
        ("C-Arm chest", (BodyPart.CHEST,)),
        ("CHEST/ABDOMEN", (BodyPart.CHEST, BodyPart.ABDOMEN)),
        ("CHESTABDOMEN", (BodyPart.CHEST, BodyPart.ABDOMEN)),
        ("胸腹部", (BodyPart.CHEST, BodyPart.ABDOMEN)),
        ("hip after chest", (BodyPart.HIP, BodyPart.CHEST)),
        ("BABYGRAM", (BodyPart.WHOLE_BODY,)),
    ],
)
def test_other_parts_and_several(text: str, parts: tuple[BodyPart, ...]) -> None:
    """The longest phrase counts, so "thoracic spine" does not mean the thorax."""
    assert parts_in_text(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        *("", "CHESTER HOSPITAL", "Manchester", "no chest", "without chest", "ohne Thorax"),
        *("sin tórax", "除胸部", "chest pain", "Chest Clinic", "上海市胸科医院", "胸痛", "흉통"),
        *("No Finding", "view: PA", "e+1", "吸气不足", "术后 手术"),
    ],
)
def test_texts_without_a_body_part(text: str) -> None:
    """These texts have only parts of words, negations, complaints or names of institutions."""
    assert parts_in_text(text) == ()


@pytest.mark.parametrize(
    ("value", "meaning", "parts"),
    [
        ("51185008", "", (BodyPart.CHEST,)),
        ("816094009", "Thorax", (BodyPart.CHEST,)),
        ("T-D3000", "Chest", (BodyPart.CHEST,)),
        ("122495006", "Thoracic spine", (BodyPart.SPINE,)),
        ("R-FAB55", "Chest and Abdomen", (BodyPart.CHEST, BodyPart.ABDOMEN)),
        ("24136001", "Hip joint", (BodyPart.HIP,)),
        ("XYZ", "胸部", (BodyPart.CHEST,)),
        ("XYZ", "", ()),
    ],
)
def test_codes_or_the_meaning_of_unknown_codes(
    value: str, meaning: str, parts: tuple[BodyPart, ...]
) -> None:
    """The codes are those of SNOMED CT and, for older films, of SNOMED RT."""
    assert parts_of_code(value, meaning) == parts


@given(st.text(max_size=64))
def test_no_text_raises_an_error(text: str) -> None:
    """The text comes from a peer and may contain anything."""
    assert set(parts_in_text(text)) <= set(BodyPart)
