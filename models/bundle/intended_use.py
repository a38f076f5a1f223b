"""The intended use of a bundle. ``node.domain`` also uses this module."""

from enum import StrEnum


class IntendedUse(StrEnum):
    """Intended use of the scores; every result states the intended use."""

    DEMONSTRATION = "demonstration"
    RESEARCH = "research"
    CLEARED = "cleared"
