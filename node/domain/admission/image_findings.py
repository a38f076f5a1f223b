"""What a film's pixels show, as a gate that looks before the model tells it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageFindings:
    """What the gate sees, as probabilities 0 to 1, to three digits.

    `frontal` chest and chest from the `side`; what is left is anything else. `turn` is by how many
    quarter turns to the left the picture is turned, `upright` how probable none is. `distance` is
    from the frontal chests that the gate has learned: over 1, farther than 995 of 1,000 are.
    """

    frontal: float
    side: float
    ap: float
    turn: int
    upright: float
    inverted: float
    distance: float
