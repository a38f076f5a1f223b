"""The published figures: areas under the ROC curve in the study whose method this is.

Li Z. et al., Chin J Med Imaging Technol 2026;42(3):403-407, doi
10.13929/j.issn.1003-3289.2026.03.017, of 4,542 patients. They are that study's own: none of them
holds for any model here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

IMAGE, CLINICAL, COMBINED = "image", "clinical", "combined"

ROLES: Final = ("internal test", "external test 1", "external test 2")

PAPER: Final[Mapping[str, tuple[float, float, float]]] = MappingProxyType(
    {
        IMAGE: (0.917, 0.897, 0.921),
        CLINICAL: (0.839, 0.759, 0.532),
        COMBINED: (0.919, 0.896, 0.919),
    }
)
"""Areas by ``ROLES`` of the study's deep-learning, clinical and combined model."""

Hospital = TypeVar("Hospital")


def in_roles(internal: Sequence[Hospital], external: Sequence[Hospital]) -> dict[str, Hospital]:
    """Which hospital stands beside which of the study's, in the order given, as far as they go."""
    found = dict(zip(ROLES[:1], internal, strict=False))
    return found | dict(zip(ROLES[1:], external, strict=False))
