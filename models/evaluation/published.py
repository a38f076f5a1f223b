"""AUCs from the published study.

The study is Li et al., Chin J Med Imaging Technol 2026;42(3):403-407,
doi 10.13929/j.issn.1003-3289.2026.03.017, with 4,542 patients. The AUCs of the study do not apply
to any model of this project.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

IMAGE, CLINICAL, COMBINED = "image", "clinical", "combined"

ROLES: Final = ("internal test", "external test 1", "external test 2")

PUBLISHED_AUC: Final[Mapping[str, tuple[float, float, float]]] = MappingProxyType(
    {
        IMAGE: (0.917, 0.897, 0.921),
        CLINICAL: (0.839, 0.759, 0.532),
        COMBINED: (0.919, 0.896, 0.919),
    }
)
"""AUCs of the study's deep-learning, clinical and combined model, in the order of ``ROLES``."""

Site = TypeVar("Site")


def match_roles(internal: Sequence[Site], external: Sequence[Site]) -> dict[str, Site]:
    """Return the sites by their role in the study's table.

    The first internal site gets the first role; the first two external sites get the next roles.
    """
    roles = dict(zip(ROLES[:1], internal, strict=False))
    return roles | dict(zip(ROLES[1:], external, strict=False))
