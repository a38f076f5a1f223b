"""The languages that results are written in."""

from collections.abc import Mapping
from enum import StrEnum

from pydicom import Dataset

from node.results.translations.chinese import CHINESE
from node.results.translations.english import ENGLISH
from node.results.translations.phrases import Phrases


class Language(StrEnum):
    """The language of a result's texts, as RFC 5646 tags it."""

    ENGLISH = "en"
    CHINESE = "zh"


PHRASES: Mapping[Language, Phrases] = {Language.ENGLISH: ENGLISH, Language.CHINESE: CHINESE}


def translate(ds: Dataset, phrases: Phrases) -> None:
    """Give the codes of a result, in place, the meanings that its language has for them."""
    if not phrases.meanings:
        return
    for item in ds.iterall():
        if item.VR != "SQ":
            continue
        for code in item.value:
            key = (code.get("CodingSchemeDesignator"), code.get("CodeValue"))
            if key in phrases.meanings:
                code.CodeMeaning = phrases.meanings[key]
