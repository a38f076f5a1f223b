"""Deterministic UIDs: equal inputs give the same UID on every machine and at every attempt.

If the node builds a result twice, both copies have the same UID and are one object for a PACS. Each
UID consists of `2.25.` and a version 5 UUID as a decimal number (PS3.5, B.2).
"""

from enum import StrEnum
from uuid import UUID, uuid5

# A change of one of these constants changes the UID of every object. Raise ENCODER_REVISION if the
# encoding of equal inputs changes within one software version. Never change _NAMESPACE.
_NAMESPACE = UUID("6f2b8a4e-7c1d-5e90-b3a6-0d94c8e1f725")
ENCODER_REVISION = "4"

_UUID_ROOT = "2.25."


class UidKind(StrEnum):
    """The kind of object that a UID identifies, which is an input of the UID."""

    REPORT = "report"
    REPORT_SERIES = "report-series"
    TEXT = "text"
    TEXT_SERIES = "text-series"
    HEATMAP = "heatmap"
    HEATMAP_SERIES = "heatmap-series"
    TRACKING = "tracking"
    DEVICE = "device"
    IMPLEMENTATION = "implementation"


def uid(kind: UidKind, *inputs: str) -> str:
    """Return the UID for a kind of object and its inputs.

    The UID depends on the length of each input, so that ("ab", "c") and ("a", "bc") differ.
    """
    name = "|".join([str(kind), *(f"{len(text)}:{text}" for text in inputs)])
    return f"{_UUID_ROOT}{uuid5(_NAMESPACE, name).int}"


def device_uid(bundle_digest: str) -> str:
    """Return the Device UID of a model, which is different for each bundle."""
    return uid(UidKind.DEVICE, bundle_digest)


# Implementation Class UID and Version Name of written files (PS3.10, 7.1).
IMPLEMENTATION_CLASS_UID = uid(UidKind.IMPLEMENTATION)
IMPLEMENTATION_VERSION_NAME = "OSTEOSCREEN_1"
