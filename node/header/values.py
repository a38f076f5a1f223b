"""Read single values of a header; an absent, damaged or implausible value is "" or None."""

import re
import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pydicom import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

MAX_TEXT = 64
_MAX_VALUES = 16
_MAX_ITEMS = 8
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Errors of pydicom for a damaged or hostile header.
UNREADABLE = (
    InvalidDicomError,
    BytesLengthException,
    struct.error,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    EOFError,
    zlib.error,
)


def value_of(ds: Dataset, keyword: str) -> Any:
    """Return an element's value, or None if the value is absent, empty or unreadable."""
    try:
        value = ds.get(keyword)
    except UNREADABLE:
        return None
    except OSError as error:
        if error.errno is not None:
            raise
        return None  # pydicom raises it without errno for a sequence that does not end
    return None if value == "" else value


def text_of(ds: Dataset, keyword: str) -> str:
    """Return a text of at most `MAX_TEXT` characters, without control characters."""
    return whole_text_of(ds, keyword)[:MAX_TEXT]


def whole_text_of(ds: Dataset, keyword: str) -> str:
    """Return a whole text without control characters; truncation could make long IDs equal."""
    value = value_of(ds, keyword)
    return "" if value is None else _CONTROL.sub(" ", str(value)).strip()


def code_of(ds: Dataset, keyword: str) -> str:
    """Return a text in upper case, for comparison with codes."""
    # Truncated again, because upper case may have more characters (the German sharp s).
    return text_of(ds, keyword).upper()[:MAX_TEXT]


def codes_of(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """Return all values of an element in upper case."""
    return tuple(
        _CONTROL.sub(" ", str(value)).strip().upper()[:MAX_TEXT] for value in _values(ds, keyword)
    )


def number_of(ds: Dataset, keyword: str) -> float | None:
    """Return an attribute's value, or None if it is no finite positive number."""
    return _positive(value_of(ds, keyword))


def numbers_of(ds: Dataset, keyword: str) -> list[float | None]:
    """Return all values of an element, each as a finite positive number or None."""
    return [_positive(value) for value in _values(ds, keyword)]


def integer_of(ds: Dataset, keyword: str) -> int | None:
    """Return an attribute's value, truncated to an integer, or None if it is no positive number."""
    number = number_of(ds, keyword)
    return None if number is None else int(number)


def items_of(ds: Dataset, keyword: str) -> Iterator[Dataset]:
    """Yield at most the first eight items of an element, if the element is a sequence."""
    value = value_of(ds, keyword)
    if isinstance(value, Sequence):
        yield from islice(value, _MAX_ITEMS)


def _values(ds: Dataset, keyword: str) -> list[Any]:
    value = value_of(ds, keyword)
    if value is None:
        return []
    return list(value[:_MAX_VALUES]) if isinstance(value, MultiValue | list) else [value]


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 < number < 1e9 else None
