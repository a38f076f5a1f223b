"""The languages of results."""

from collections.abc import Mapping
from enum import StrEnum

from pydicom import Dataset

from node.results.translations.chinese import CHINESE
from node.results.translations.english import ENGLISH
from node.results.translations.phrases import Phrases


class Language(StrEnum):
    """The language of a result's texts, as a tag of RFC 5646."""

    ENGLISH = "en"
    CHINESE = "zh"


PHRASES: Mapping[Language, Phrases] = {Language.ENGLISH: ENGLISH, Language.CHINESE: CHINESE}


def translate(ds: Dataset, phrases: Phrases) -> None:
    """Replace the code meanings of a result, in place, with meanings in its language."""
    for element in ds.iterall() if phrases.meanings else ():
        for code in element.value if element.VR == "SQ" else ():
            key = (code.get("CodingSchemeDesignator"), code.get("CodeValue"))
            if key in phrases.meanings:
                code.CodeMeaning = phrases.meanings[key]
