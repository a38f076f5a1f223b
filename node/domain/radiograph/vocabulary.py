"""Find phrases of several languages in free text, as whole words, longest first.

Each Chinese, Japanese or Korean character counts as a word. The word CHEST is not found in CHESTER,
and the chest (胸) is not found in the thoracic spine (胸椎).
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
    """Phrases (tuples of words) with their meanings, and the length of the longest phrase."""

    meanings: Mapping[tuple[str, ...], tuple[M, ...]]
    longest: int


def build_lexicon(phrases: Mapping[M, str], ignored: str = "") -> Lexicon[M]:
    """Build a lexicon from comma-separated phrases for each meaning.

    A phrase may have several meanings. An `ignored` phrase has no meaning, and shorter phrases
    within an ignored phrase are not found.
    """
    meanings: dict[tuple[str, ...], tuple[M, ...]] = {
        split_words(phrase): () for phrase in ignored.split(",")
    }
    for meaning, texts in phrases.items():
        for phrase in texts.split(","):
            words = split_words(phrase)
            meanings[words] = (*meanings.get(words, ()), meaning)
    return Lexicon(meanings, max(map(len, meanings)))


def split_words(text: str) -> tuple[str, ...]:
    """Return the words and numbers of a text, without case, accents and punctuation."""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return tuple(_WORD.findall(unicodedata.normalize("NFC", plain)))


_NEGATIONS = frozenset(
    split_words(
        "no not non without excluding except ohne kein keine nicht sans sauf sin sem senza "
        "非 无 無 除"
    )
)


def meanings_in(text: str, lexicon: Lexicon[M]) -> tuple[M, ...]:
    """Return the meanings of the phrases in a text, in order; negated phrases are ignored."""
    words, meanings, position = split_words(text), dict[M, None](), 0
    while position < len(words):
        size = next(
            (
                n
                for n in range(lexicon.longest, 0, -1)
                if words[position : position + n] in lexicon.meanings
            ),
            0,
        )
        if size and not (position and words[position - 1] in _NEGATIONS):
            meanings |= dict.fromkeys(lexicon.meanings[words[position : position + size]])
        position += size or 1
    return tuple(meanings)
