"""The intended use of a bundle. ``node.domain`` uses it too."""

from enum import StrEnum


class IntendedUse(StrEnum):
    """Intended use of the scores; every result states the intended use."""

    DEMONSTRATION = "demonstration"
    RESEARCH = "research"
    CLEARED = "cleared"
