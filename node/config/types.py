"""Types of configuration values, whose error messages name the allowed values."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator
from pydicom.charset import python_encoding

from node.domain.admission.header_rules import PixelRule
from node.domain.admission.reasons import REPORTABLE, ReportableReason

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def _ae_title(value: str) -> str:
    """Check an AE title (PS3.5), which has 1 to 16 default characters and no backslash."""
    stripped = value.strip()
    printable = all(" " <= c <= "~" and c != "\\" for c in stripped)
    if not 1 <= len(stripped) <= 16 or not printable:
        raise ValueError("an AE title has 1 to 16 printable ASCII characters and no backslash")
    return stripped


def _name(value: str) -> str:
    """Check the name of a destination; the name is used in the job table, logs and commands."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", value):
        raise ValueError(
            "a name has 1 to 32 letters, digits, - and _, and begins with a letter or digit"
        )
    return value


def _rule_name(value: str) -> str:
    """Check the name of an override, which appears in reports."""
    is_reserved = value == "default" or value.startswith("overrides.")
    if (
        not 1 <= len(value) <= 40
        or not value.isprintable()
        or value != value.strip()
        or is_reserved
    ):
        raise ValueError(
            "a name has 1 to 40 printable characters; default and overrides. are reserved"
        )
    return value


def threshold_of(value: object) -> float | str:
    """Check a threshold, which is a number from 0 to 1 or the name of an operating point."""
    if isinstance(value, str) and value and not _NUMBER.fullmatch(value):
        return value
    if isinstance(value, int | float | str) and not isinstance(value, bool) and value != "":
        number = float(value)
        if 0.0 <= number <= 1.0:
            return number
    raise ValueError("a threshold is a number from 0 to 1, or an operating point of the model card")


def _character_set(value: str) -> str:
    """Check the values of Specific Character Set (PS3.3, C.12.1.1.2), separated by backslashes."""
    for term in value.split("\\") if value else ():
        if term.strip() not in python_encoding:
            raise ValueError(
                f"{term.strip()!r} is not a DICOM character set, such as GB18030, GBK, "
                "ISO_IR 100, ISO_IR 192 or \\ISO 2022 IR 58"
            )
    return value


def _reportable(value: object) -> object:
    """Check a reason code; an error lists the codes instead of Python's names."""
    if value not in REPORTABLE:
        raise ValueError(f"use one of {', '.join(REPORTABLE)}")
    return value


def _off(value: object) -> object:
    """Return "off" for false, because YAML reads an unquoted off as false."""
    return "off" if value is False else value


AETitle = Annotated[str, AfterValidator(_ae_title)]
CharacterSet = Annotated[str, AfterValidator(_character_set)]
Name = Annotated[str, AfterValidator(_name)]
Threshold = Annotated[float | str, PlainValidator(threshold_of)]
ReportableReasonKey = Annotated[ReportableReason, BeforeValidator(_reportable)]
PixelRuleKey = Annotated[PixelRule, BeforeValidator(_off)]
Port = Annotated[int, Field(ge=1, le=65535)]
RuleName = Annotated[str, AfterValidator(_rule_name)]
LogOdds = Annotated[float, Field(ge=0.0, le=5.0)]
Seconds = Annotated[float, Field(gt=0.0)]


class ConfigSection(BaseModel):
    """An immutable section of the configuration, which refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
