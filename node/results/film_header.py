"""Read values from a film's header, which may contain invalid dates, texts and numbers.

Each returned value is valid or empty. No value raises an error, and the header is not modified.
"""

import copy
import re
from collections.abc import Iterator
from datetime import date, time

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from node.results.charset import decode, printable, repair

# Lengths in characters (PS3.5, 6.2).
LO, SH, ST, CS, UT = 64, 16, 1024, 16, 10240
_NAME_GROUP, _NAME_GROUPS, _NAME_COMPONENTS = 64, 3, 5

_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(\.\d{1,6})?", re.ASCII)
_TIMEZONE = re.compile(r"[+-](0\d|1[0-4])[0-5]\d", re.ASCII)
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+", re.ASCII)
_AGE = re.compile(r"\d{3}[DWMY]", re.ASCII)
_CODE_STRING = re.compile(r"[A-Z0-9_ ]{1,16}")


class Header:
    """A reader of a data set, whose methods expect DICOM keywords."""

    def __init__(self, ds: Dataset, charsets: tuple[str, ...]) -> None:
        self._ds = ds
        self._charsets = charsets

    @classmethod
    def of(cls, source: Dataset, assume_charset: str = "") -> "Header":
        """Return a reader of a copy of the data set, because pydicom converts elements in place.

        `assume_charset` replaces the Specific Character Set of the data set.
        """
        ds = copy.deepcopy(source)
        stated = cls(ds, ())._values("SpecificCharacterSet")
        assumed = [value.strip() for value in assume_charset.split("\\")]
        return cls(ds, tuple(assumed if assume_charset else stated))

    def text(self, keyword: str, length: int) -> str:
        """Return an element's values as one text, cut to `length`; a backslash becomes a space."""
        return printable(" ".join(self._values(keyword)))[:length].rstrip()

    def name(self, keyword: str) -> str:
        """Return a Person Name (PN), at most three groups of five components, or an empty text."""
        stated = " ".join(self._values(keyword)).split("=")[:_NAME_GROUPS]
        groups = ["^".join(printable(group).split("^")[:_NAME_COMPONENTS]) for group in stated]
        return "=".join(group[:_NAME_GROUP].rstrip(" ^") for group in groups).rstrip("=")

    def date(self, keyword: str) -> str:
        """Return a valid date (DA) or an empty text; convert the old format `1999.12.31`."""
        match = _DATE.fullmatch(self._first(keyword))
        try:
            return f"{date(*map(int, match.groups())):%Y%m%d}" if match else ""
        except ValueError:
            return ""

    def time(self, keyword: str) -> str:
        """Return a valid time (TM) or an empty text; convert the old format `12:30:59`."""
        match = _TIME.fullmatch(self._first(keyword))
        if match is None:
            return ""
        hours, minutes, seconds, fraction = match.groups(default="")
        try:
            # A leap second is a valid TM, but not a Python time.
            time(int(hours), int(minutes or 0), min(int(seconds or 0), 59))
        except ValueError:
            return ""
        digits = hours + minutes + seconds
        return digits + fraction if len(digits) == 6 else digits

    def timezone(self) -> str:
        """Return the Timezone Offset From UTC, such as `+0100`, or an empty text."""
        return self._matching("TimezoneOffsetFromUTC", _TIMEZONE)

    def uid(self, keyword: str) -> str:
        """Return a UID that is valid by PS3.5, 9.1, or an empty text."""
        value = self._matching(keyword, _UID)
        return value if len(value) <= 64 else ""

    def age(self, keyword: str) -> str:
        """Return an age (AS) of four characters, or an empty text."""
        return self._matching(keyword, _AGE)

    def codes(self, keyword: str) -> list[str]:
        """Return the code strings (CS) of an element, or [] if a code string is invalid."""
        values = [value.strip() for value in self._values(keyword)]
        return values if all(_CODE_STRING.fullmatch(value) for value in values) else []

    def positive_numbers(self, keyword: str) -> list[float]:
        """Return the numbers of an element, or [] if a number is not positive."""
        try:
            numbers = [float(value) for value in self._values(keyword)]
        except ValueError:
            return []
        return numbers if all(0.0 < number < float("inf") for number in numbers) else []

    def items(self, keyword: str) -> Iterator["Header"]:
        """Yield a reader of each item, if the element is a sequence."""
        try:
            items = self._ds.get(keyword) or ()
        except (ValueError, TypeError, AttributeError, OSError, NotImplementedError):
            return
        for item in items:
            if isinstance(item, Dataset):
                yield Header(item, self._charsets)

    def _first(self, keyword: str) -> str:
        return next((value.strip(" \x00") for value in self._values(keyword)), "")

    def _matching(self, keyword: str, pattern: re.Pattern[str]) -> str:
        value = self._first(keyword)
        return value if pattern.fullmatch(value) else ""

    def _values(self, keyword: str) -> list[str]:
        """Return the values of an element, which must not be a sequence, as unconverted text."""
        tag = tag_for_keyword(keyword)
        if tag is None or tag not in self._ds:
            return []
        element = self._ds.get_item(tag)
        is_name = keyword.endswith("Name")
        value = element.value
        if isinstance(element, RawDataElement) or isinstance(value, bytes):
            text = decode(value or b"", self._charsets, is_name=is_name)
            return text.strip(" \x00").split("\\") if text.strip(" \x00") else []
        values = value if isinstance(value, MultiValue | list | tuple) else [value]
        return [self._as_text(item) for item in values if item not in (None, "")]

    def _as_text(self, value: object) -> str:
        if isinstance(value, PersonName) and isinstance(value.original_string, bytes):
            return decode(value.original_string, self._charsets, is_name=True)
        return repair(str(value), self._charsets)
