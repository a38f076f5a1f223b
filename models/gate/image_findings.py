"""The gate's findings for one film. ``node.domain`` also uses this module."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class ImageFindings:
    """The gate's findings for one film; probabilities are 0..1.

    ``frontal`` and ``side`` are the probabilities of a frontal and of a lateral chest radiograph.
    ``turn`` is the most likely number of counter-clockwise quarter turns. ``upright`` is the
    probability that the film is not turned. ``distance`` is the scaled distance from frontal chest
    radiographs; 995 of 1,000 unseen frontal films have a distance below 1.
    """

    frontal: float
    side: float
    ap: float
    turn: int
    upright: float
    inverted: float
    distance: float

    def rounded(self) -> "ImageFindings":
        """Return the findings with three decimals; rounded findings are equal on all processors."""
        return ImageFindings(**{name: round(value, 3) for name, value in asdict(self).items()})
