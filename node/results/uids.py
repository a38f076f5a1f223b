"""Deterministic UIDs: the same inputs give the same UID on every machine and at every attempt.

Each UID is `2.25.` and the decimal of a version 5 UUID (PS3.5, B.2), so 44 characters at most. A
result that is built twice is therefore one object for the PACS.
"""

from enum import StrEnum
from uuid import UUID, uuid5

# A change of either constant changes the UID of every object. Raise ENCODER_REVISION, and nothing
# else, if the same inputs are encoded as other bytes within one software version.
_NAMESPACE = UUID("6f2b8a4e-7c1d-5e90-b3a6-0d94c8e1f725")
ENCODER_REVISION = "4"

_UUID_ROOT = "2.25."


class UidKind(StrEnum):
    """The kind of object that a UID identifies. It is part of the UID's inputs."""

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

    Each input is preceded by its length, so ("ab", "c") and ("a", "bc") give two UIDs.
    """
    name = "|".join([str(kind), *(f"{len(text)}:{text}" for text in inputs)])
    return f"{_UUID_ROOT}{uuid5(_NAMESPACE, name).int}"


def device_uid(bundle_digest: str) -> str:
    """Return the Device UID of a model: each bundle is a device of its own."""
    return uid(UidKind.DEVICE, bundle_digest)


# Implementation Class UID and Version Name of the files we write (PS3.10, 7.1).
IMPLEMENTATION_CLASS_UID = uid(UidKind.IMPLEMENTATION)
IMPLEMENTATION_VERSION_NAME = "OSTEOSCREEN_1"
