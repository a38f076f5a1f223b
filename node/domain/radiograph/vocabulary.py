"""Words in free text: phrases of many languages, found whole, the longest first.

A text is cut into words of letters; of Chinese, Japanese and Korean, which part no words, each
character is one. So CHEST is not found in CHESTER, nor the chest (胸) in the thoracic spine (胸椎).
"""

import re
import unicodedata
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

M = TypeVar("M", bound=Hashable)

# Kana, ideographs, Hangul.
_CHARACTER = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_WORD = re.compile(rf"[{_CHARACTER}]|(?:(?![{_CHARACTER}])[^\W\d_])+|\d+")
_ACCENTS = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True, slots=True)
class Lexicon(Generic[M]):
    """What phrases mean: words in order to meanings, and how many words the longest has."""

    meanings: Mapping[tuple[str, ...], tuple[M, ...]]
    longest: int


def lexicon(phrases: Mapping[M, str], silent: str = "") -> Lexicon[M]:
    """Return the lexicon of phrases, in each text parted by commas, under what they mean.

    A phrase may stand under several meanings and then has all of them. `silent` phrases mean
    nothing, and keep the shorter ones in them from meaning anything.
    """
    meanings: dict[tuple[str, ...], tuple[M, ...]] = {
        words_of(phrase): () for phrase in silent.split(",")
    }
    for meaning, listed in phrases.items():
        for phrase in listed.split(","):
            words = words_of(phrase)
            meanings[words] = (*meanings.get(words, ()), meaning)
    return Lexicon(meanings, max(map(len, meanings)))


def words_of(text: str) -> tuple[str, ...]:
    """Return a text's words and numbers, without case, accents and the signs between them."""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return tuple(_WORD.findall(unicodedata.normalize("NFC", plain)))


_NOT = frozenset(
    words_of(
        "no not non without excluding except ohne kein keine nicht sans sauf sin sem senza "
        "非 无 無 除"
    )
)


def named(text: str, known: Lexicon[M]) -> tuple[M, ...]:
    """Return what a text names, each meaning once, in the order in which it comes.

    What stands behind a word such as "no" or "without" is not named.
    """
    words, found, at = words_of(text), dict[M, None](), 0
    while at < len(words):
        size = next(
            (n for n in range(known.longest, 0, -1) if words[at : at + n] in known.meanings), 0
        )
        if size and not (at and words[at - 1] in _NOT):
            found |= dict.fromkeys(known.meanings[words[at : at + size]])
        at += size or 1
    return tuple(found)
