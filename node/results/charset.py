"""Decode the texts of films, even if the texts violate the rules for character sets.

pydicom decodes by PS3.5, 6.1.2. This module also repairs three faults of films:
- escape sequences of ISO 2022 IR 58 (Chinese), which pydicom 3.0 leaves in the value
- multi-byte text without the required escape sequence
- UTF-8 in films that state no character set
"""

import re
import unicodedata
from collections.abc import Sequence

from pydicom.charset import convert_encodings, decode_bytes

_DELIMITERS = {ord(c) for c in "\\\r\n\t\f"}
NAME_DELIMITERS = _DELIMITERS | {ord("^"), ord("=")}

_ESCAPE_SEQUENCE = re.compile(r"\x1b[\x20-\x2f]+[\x30-\x7e]")
_LATIN_ONE_ONLY = re.compile(r"[\x00-\xff]*[\xa1-\xff]{2}[\x00-\xff]*")

# Multi-byte sets in G1 are recognisable without escape sequence, because their bytes are pairs with
# the high bit set. Without escape sequence, the Japanese sets in G0 look like ASCII.
_CODECS_BY_CHARSET = {"ISO 2022 IR 58": "gb18030", "ISO 2022 IR 149": "euc_kr"}


def decode(value: bytes, charsets: Sequence[str], *, is_name: bool = False) -> str:
    """Return the text of an element's bytes; undecodable bytes become replacement characters.

    `charsets` are the values of Specific Character Set (PS3.3, C.12.1.1.2), empty for ASCII.
    """
    if not any(charsets):
        try:
            # The standard requires ASCII, but the text is often UTF-8, which includes ASCII.
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("latin-1")
    try:
        encodings = convert_encodings(list(charsets))
        text = decode_bytes(value, encodings, NAME_DELIMITERS if is_name else _DELIMITERS)
    except (LookupError, ValueError):
        text = value.decode("latin-1")
    return repair(text, charsets)


def repair(text: str, charsets: Sequence[str]) -> str:
    """Return decoded text without escape sequences, with multi-byte text decoded."""
    text = _ESCAPE_SEQUENCE.sub("", text)
    codec = next((_CODECS_BY_CHARSET[c] for c in charsets if c in _CODECS_BY_CHARSET), None)
    if codec is None or not _LATIN_ONE_ONLY.fullmatch(text):
        return text
    try:
        return text.encode("latin-1").decode(codec)
    except UnicodeError:
        return text


def printable(text: str) -> str:
    """Return text without control characters and lone surrogates, with white space collapsed."""
    spaced = re.sub(r"[\s\x00]+", " ", text)
    return "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cs"}).strip()
