"""The meaning of a C-STORE status for a delivery (PS3.4, Table B.2-1)."""

import re
from collections.abc import Iterator

from pydicom import Dataset

from node.domain.errors import Permanent, Transient

_MAX_COMMENT = 64
_PREFIX_LENGTH = 5
_PATIENT_GROUP = 0x0010
_IDENTIFYING_VRS = ("PN", "LO", "SH", "DA", "LT")
_OTHER_IDENTIFYING = ("AccessionNumber", "ReferringPhysicianName", "InstitutionName")


def classify(status: int, comment: str = "") -> None:
    """Raise Transient or Permanent unless the status means that the object is stored."""
    if status == 0x0000 or 0xB000 <= status <= 0xBFFF:
        return
    answer = f"the destination answered {status:#06x}" + (f" ({comment})" if comment else "")
    if 0xA700 <= status <= 0xA7FF:
        raise Transient(f"{answer}: out of resources")
    if status == 0x0122:
        raise Permanent(f"{answer}: it does not support the SOP Class")
    if 0xA900 <= status <= 0xA9FF:
        raise Permanent(f"{answer}: the data set does not match its SOP Class")
    if 0xC000 <= status <= 0xCFFF:
        raise Permanent(f"{answer}: it cannot understand the data set")
    raise Transient(f"{answer}: an unexpected status")


def without_patient(comment: str, ds: Dataset) -> str:
    """Return a peer's comment on an object, or a neutral text if the comment names the patient.

    Errors are logged and stored, and some archives quote patient data in their comments.
    """
    lowered = comment.casefold()
    if any(part in lowered for part in _identity(ds)):
        return "its comment names the patient"
    return comment[:_MAX_COMMENT]


def _identity(ds: Dataset) -> Iterator[str]:
    """Yield prefixes of identifying words in lower case, because a comment may cut off a name."""
    for element in ds:
        named = element.tag.group == _PATIENT_GROUP and element.VR in _IDENTIFYING_VRS
        if named or element.keyword in _OTHER_IDENTIFYING:
            parts = re.split(r"[\s^=\\]+", str(element.value))
            yield from (part.casefold()[:_PREFIX_LENGTH] for part in parts if len(part) > 1)
