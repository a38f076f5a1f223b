"""Deterministic identifiers: what determines a result's content determines its UID, too.

Each UID is `2.25.` and the decimal of a version 5 UUID (PS3.5, B.2), so 44 characters at most.
The same film, bundle, threshold and encoder give the same UID on every machine and on every
attempt: a result that is built twice is one object to the PACS, never two.
"""

from enum import StrEnum
from uuid import UUID, uuid5

# Changing either constant gives every object a new identity. Raise ENCODER_REVISION, and
# nothing else, when the same facts come to be encoded as other bytes.
_NAMESPACE = UUID("6f2b8a4e-7c1d-5e90-b3a6-0d94c8e1f725")
ENCODER_REVISION = "3"

_UUID_ROOT = "2.25."


class UidKind(StrEnum):
    """What a UID names; part of what it is made from, so that no two kinds ever meet."""

    REPORT = "report"
    REPORT_SERIES = "report-series"
    TEXT = "text"
    TEXT_SERIES = "text-series"
    HEATMAP = "heatmap"
    HEATMAP_SERIES = "heatmap-series"
    TRACKING = "tracking"
    DEVICE = "device"
    IMPLEMENTATION = "implementation"


def uid(kind: UidKind, *facts: str) -> str:
    """Return the UID of a kind of thing that these facts determine.

    Each fact is written with its length, so that no two lists of facts read alike.
    """
    name = "|".join([str(kind), *(f"{len(fact)}:{fact}" for fact in facts)])
    return f"{_UUID_ROOT}{uuid5(_NAMESPACE, name).int}"


def device_uid(bundle_digest: str) -> str:
    """Return the Device UID of a model: another bundle is another device."""
    return uid(UidKind.DEVICE, bundle_digest)


# Implementation Class UID and Version Name of the files we write (PS3.10, 7.1).
IMPLEMENTATION_CLASS_UID = uid(UidKind.IMPLEMENTATION)
IMPLEMENTATION_VERSION_NAME = "OSTEOSCREEN_1"
