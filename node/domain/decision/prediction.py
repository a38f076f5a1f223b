"""The model's output for a film, and the decision by policy."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from models.bundle.intended_use import IntendedUse
from models.images.radiograph import Heat
from node.domain.admission.reasons import AdmissionNote, Reason


class ScoreKind(StrEnum):
    """The kind of a score."""

    IMAGE = "image"
    CLINICAL = "clinical"
    COMBINED = "combined"


class Finding(StrEnum):
    """The finding that a report states for osteoporosis."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


class Undetermined(StrEnum):
    """Why a finding is undetermined. The codes are part of the interface: never rename one."""

    NO_SCORE = "no-score"
    TOO_CLOSE = "too-close"


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model that scored a film. `digest` is the SHA-256 of its bundle in hex.

    `clinical` describes the population and label of the clinical model, as a phrase that follows "a
    model"; empty if the bundle has no clinical model.
    """

    name: str
    version: str
    digest: str
    intended_use: IntendedUse
    clinical: str = ""


@dataclass(frozen=True, slots=True)
class Probability:
    """Calibrated probabilities of osteoporosis, 0 to 1; None if a model had no inputs."""

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
class PriorComparison:
    """Comparison with prior studies of the last `months` months.

    `reported` is whether one of them was flagged. `score` is that of the latest prior film; None if
    another model or another kind of score decided.
    """

    months: int
    reported: bool
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on a film, with the name of its rule and the digest of its policy.

    `score` and `used` are None without a score. `band` is the indeterminate band, [low, high).
    `known` is whether a prior study was flagged and the policy does not flag it again.
    """

    finding: Finding
    threshold: float
    score: float | None = None
    used: ScoreKind | None = None
    reason: str = ""
    band: tuple[float, float] | None = None
    known: bool = False
    prior: PriorComparison | None = None
    policy: str = ""
    rule: str = ""

    @property
    def flagged(self) -> bool:
        """Whether the finding is present and not known from a prior study."""
        return self.finding is Finding.PRESENT and not self.known

    @property
    def undetermined(self) -> Undetermined | None:
        """Why the finding is undetermined, or None."""
        if self.finding is not Finding.UNDETERMINED:
            return None
        return Undetermined.NO_SCORE if self.score is None else Undetermined.TOO_CLOSE

    @property
    def shows_heat(self) -> bool:
        """Whether a heatmap explains the score; a clinical score has none."""
        return self.score is not None and self.used is not ScoreKind.CLINICAL


@dataclass(frozen=True, slots=True)
class Verdict:
    """The stored result of an analysis: enough to list, audit and replay it.

    `shadowed` are the destinations that received nothing because of shadow mode. `refused` is the
    reason if a report states that the film was not analysed.
    """

    probability: Probability
    decision: Decision
    model: ModelIdentity
    seconds: dict[str, float] = field(default_factory=dict)
    shadowed: tuple[str, ...] = ()
    notes: tuple[AdmissionNote, ...] = ()
    refused: Reason | None = None
