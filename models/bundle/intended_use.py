"""What a bundle may be used for. Shared with ``node.domain``."""

from __future__ import annotations

from enum import StrEnum


class IntendedUse(StrEnum):
    """What scores may be used for; every result states it."""

    DEMONSTRATION = "demonstration"
    RESEARCH = "research"
    CLEARED = "cleared"
