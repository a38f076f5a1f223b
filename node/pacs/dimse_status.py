"""What the status of a C-STORE means for a delivery (PS3.4, Table B.2-1), pure."""

import re
from collections.abc import Iterator

from pydicom import Dataset

from node.domain.errors import Permanent, Transient

_MAX_COMMENT = 64
_BEGINNING = 5
_PATIENT_GROUP = 0x0010
_IDENTIFYING_VRS = ("PN", "LO", "SH", "DA", "LT")
_BESIDE_THE_PATIENT = ("AccessionNumber", "ReferringPhysicianName", "InstitutionName")


def classify(status: int, comment: str = "") -> None:
    """Return for a status that counts as stored; raise Transient or Permanent for the rest."""
    if status == 0x0000 or 0xB000 <= status <= 0xBFFF:
        return
    said = f"the destination answered {status:#06x}" + (f" ({comment})" if comment else "")
    if 0xA700 <= status <= 0xA7FF:
        raise Transient(f"{said}: out of resources")
    if status == 0x0122:
        raise Permanent(f"{said}: it does not support the SOP Class")
    if 0xA900 <= status <= 0xA9FF:
        raise Permanent(f"{said}: the data set does not match its SOP Class")
    if 0xC000 <= status <= 0xCFFF:
        raise Permanent(f"{said}: it cannot understand the data set")
    raise Transient(f"{said}: an unexpected status")


def without_patient(comment: str, ds: Dataset) -> str:
    """Return what a peer commented on an object, or that it cannot be quoted: errors are logged
    and kept, and some archives say there whose the object is.
    """
    said = comment.casefold()
    if any(word in said for word in _identity(ds)):
        return "its comment names the patient"
    return comment[:_MAX_COMMENT]


def _identity(ds: Dataset) -> Iterator[str]:
    """Yield the beginning of each word that tells whose an object is, in lower case.

    The beginning alone, since a comment of 64 characters may end in the middle of a name.
    """
    for element in ds:
        named = element.tag.group == _PATIENT_GROUP and element.VR in _IDENTIFYING_VRS
        if named or element.keyword in _BESIDE_THE_PATIENT:
            words = re.split(r"[\s^=\\]+", str(element.value))
            yield from (word.casefold()[:_BEGINNING] for word in words if len(word) > 1)
