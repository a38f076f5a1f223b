"""What the model says of a film, and what policy makes of it."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from node.domain.film import Film

Array = npt.NDArray[np.float32]


class IntendedUse(StrEnum):
    """What a model may be used for, as its card declares it."""

    DEMONSTRATION = "demonstration"
    RESEARCH = "research"
    CLEARED = "cleared"


class Used(StrEnum):
    """Which score the decision rests on."""

    IMAGE = "image"
    CLINICAL = "clinical"
    COMBINED = "combined"


class Finding(StrEnum):
    """What the report states of osteoporosis."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model spoke: `digest` is the SHA-256 of its bundle, in hex.

    `clinical` says of the bundle's clinical model on whom and for what it was fitted, in words
    that follow "a model"; empty where the bundle has none.
    """

    name: str
    version: str
    digest: str
    intended_use: IntendedUse
    clinical: str = ""


@dataclass(frozen=True, slots=True)
class Probability:
    """Calibrated probabilities of osteoporosis, 0 to 1; None where a model had no inputs."""

    image: float | None = None
    clinical: float | None = None
    combined: float | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in the film's pixel coordinates; it may reach beyond the film."""

    top: float
    left: float
    height: float
    width: float


@dataclass(frozen=True, slots=True)
class Radiograph:
    """A decoded film: `pixels` is (rows, columns), 0 to 1 as displayed, bone bright.

    `aspect` is the row spacing over the column spacing, 1 where the header does not say.
    """

    pixels: Array
    aspect: float = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """A film to be scored: the facts of its header, and what it shows."""

    film: Film
    shown: Radiograph


@dataclass(frozen=True, slots=True)
class Rendering:
    """The film as it is displayed: `grey` is (rows, columns), uint8, bone bright."""

    grey: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Heat:
    """Grad-CAM on the model's grid: `values` is (h, w), non-negative, not normalised.

    `extent` is where the grid lies on the film.
    """

    values: Array
    extent: Box


@dataclass(frozen=True, slots=True)
class Prediction:
    """All that the model says of one film."""

    probability: Probability
    heat: Heat
    rendering: Rendering


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy makes of a prediction. `score` and `used` are None when undetermined."""

    finding: Finding
    threshold: float
    score: float | None = None
    used: Used | None = None
    reason: str = ""

    @property
    def flagged(self) -> bool:
        """Whether the film is reported as positive."""
        return self.finding is Finding.PRESENT


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is kept of a scored film in its job: enough to list, audit and replay it."""

    probability: Probability
    decision: Decision
    model: ModelIdentity
    seconds: dict[str, float] = field(default_factory=dict)
