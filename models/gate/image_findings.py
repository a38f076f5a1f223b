"""The gate's answers for one film. Shared with ``node.domain``."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class ImageFindings:
    """The gate's answers for one film, as probabilities 0..1.

    ``frontal`` and ``side`` are the probabilities of a frontal and of a lateral chest radiograph.
    ``turn`` is the most likely number of quarter turns counter-clockwise, ``upright`` the
    probability of none. ``distance`` is measured from the frontal chest radiographs that the gate
    was fitted on: 995 in 1,000 of them lie below 1.
    """

    frontal: float
    side: float
    ap: float
    turn: int
    upright: float
    inverted: float
    distance: float

    def rounded(self) -> "ImageFindings":
        """Return the findings with three decimals, which do not differ between processors."""
        return ImageFindings(**{name: round(value, 3) for name, value in asdict(self).items()})
