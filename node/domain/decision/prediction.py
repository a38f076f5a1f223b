"""What the model says of a film, and what policy makes of it."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from models.bundle.intended_use import IntendedUse
from models.images.radiograph import Heat
from node.domain.admission.reasons import AdmissionNote, Reason


class ScoreKind(StrEnum):
    """Which score the decision rests on."""

    IMAGE = "image"
    CLINICAL = "clinical"
    COMBINED = "combined"


class Finding(StrEnum):
    """What the report states of osteoporosis."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


class Undetermined(StrEnum):
    """Why a finding is open. The codes are part of the interface: never rename one."""

    NO_SCORE = "no-score"
    TOO_CLOSE = "too-close"


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
class Prediction:
    """A model's output for one film. `grey` is the film as displayed, uint8, (rows, columns)."""

    probability: Probability
    heat: Heat
    grey: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a film stands to the patient's earlier ones, of the last `months` months.

    `reported` is whether one of them was flagged. `score` is that of the last film before; None
    where another model made it, or another kind of score decided.
    """

    months: int
    reported: bool
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy makes of a prediction, by the rule that held and the digest of its policy.

    `score` and `used` are None where there was no score. `band` are the scores, from the first up
    to and without the second, that leave the finding open. What an earlier film has shown and
    reported is `known`, where policy does not want it flagged again.
    """

    finding: Finding
    threshold: float
    score: float | None = None
    used: ScoreKind | None = None
    reason: str = ""
    band: tuple[float, float] | None = None
    known: bool = False
    prior: Comparison | None = None
    policy: str = ""
    rule: str = ""

    @property
    def flagged(self) -> bool:
        """Whether the film is to be looked at: suspected, and not known already."""
        return self.finding is Finding.PRESENT and not self.known

    @property
    def undetermined(self) -> Undetermined | None:
        """Why the finding is open; None where it is not."""
        if self.finding is not Finding.UNDETERMINED:
            return None
        return Undetermined.NO_SCORE if self.score is None else Undetermined.TOO_CLOSE

    @property
    def shows_heat(self) -> bool:
        """Whether a heatmap belongs to it: one of a score that the film had a part in."""
        return self.score is not None and self.used is not ScoreKind.CLINICAL


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is kept of a scored film in its job: enough to list, audit and replay it.

    `shadowed` are the destinations that got nothing of it because they were in shadow. `notes` are
    what its admission has left to be said; `refused` is why it was not scored, where a report says
    so.
    """

    probability: Probability
    decision: Decision
    model: ModelIdentity
    seconds: dict[str, float] = field(default_factory=dict)
    shadowed: tuple[str, ...] = ()
    notes: tuple[AdmissionNote, ...] = ()
    refused: Reason | None = None
