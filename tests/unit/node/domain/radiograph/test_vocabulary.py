"""Phrases are found in free text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.radiograph.vocabulary import build_lexicon, meanings_in, split_words

LEXICON = build_lexicon(
    {1: "chest, 胸, état", 2: "chest wall, 胸椎", 3: "both", 4: "both"}, "chest pain"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Chest_PA (2 views)", ("chest", "pa", "2", "views")),
        ("CXR1V", ("cxr", "1", "v")),
        ("Tórax, Übersicht STRASSE Straße", ("torax", "ubersicht", "strasse", "strasse")),
        ("胸部 PA", ("胸", "部", "pa")),
        ("흉부", ("흉", "부")),
        ("\uff23\uff28\uff25\uff33\uff34", ("chest",)),
        ("がん", ("が", "ん")),
        ("", ()),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    """Each Chinese, Japanese or Korean character counts as a word."""
    assert split_words(text) == words


@pytest.mark.parametrize(
    ("text", "meanings"),
    [
        ("the CHEST", (1,)),
        ("chest wall", (2,)),
        ("chest pain", ()),
        ("chest, pain; chest", (1,)),
        ("both", (3, 4)),
        ("wall", ()),
        ("chests", ()),
        ("no chest but chest wall", (2,)),
        ("no 1: chest", (1,)),
        ("chest wall chest chest", (2, 1)),
        ("胸椎胸", (2, 1)),
        ("Etat", (1,)),
    ],
)
def test_the_longest_phrase_counts(text: str, meanings: tuple[int, ...]) -> None:
    """Meanings are in the order of the text, and an ignored phrase hides the phrases within it."""
    assert meanings_in(text, LEXICON) == meanings


@given(st.text())
def test_no_text_raises_an_error(text: str) -> None:
    """The text comes from a peer and may contain anything."""
    assert set(meanings_in(text, LEXICON)) <= {1, 2, 3, 4}
