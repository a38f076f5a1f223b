"""The model's output for a film, and the policy's decision on the film."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from models.bundle.intended_use import IntendedUse
from models.images.radiograph import Heat
from node.domain.admission.reasons import AdmissionNote, Reason


class ScoreKind(StrEnum):
    """The kind of a score; `Probability` and `Thresholds` have a field for each kind."""

    IMAGE = "image"
    CLINICAL = "clinical"
    COMBINED = "combined"


class Finding(StrEnum):
    """The finding that a report states for osteoporosis."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


class Undetermined(StrEnum):
    """The reason why a finding is undetermined; never rename a code."""

    NO_SCORE = "no-score"
    TOO_CLOSE = "too-close"


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model that scored a film; `digest` is the SHA-256 of the model's bundle in hex.

    `clinical` is empty, or describes the population and label of the clinical model in a phrase
    that follows the words "a model".
    """

    name: str
    version: str
    digest: str
    intended_use: IntendedUse
    clinical: str = ""


@dataclass(frozen=True, slots=True)
class Probability:
    """Calibrated probabilities of osteoporosis (0 to 1), or None without the required inputs."""

    image: float | None = None
    clinical: float | None = None
    combined: float | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's output for a film; `grey` contains the grey values of the displayed film."""

    probability: Probability
    heat: Heat
    grey: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PriorComparison:
    """Comparison with prior studies of the last `months` months.

    `reported` is true if a prior film was flagged. `score` is the latest prior score, or None if
    that score is from another model or of another kind.
    """

    months: int
    reported: bool
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on a film, with the name of its rule and the digest of its policy.

    `score` and `score_kind` are None without a score. `band` is the indeterminate band, [low,
    high). `already_reported` is true if the film is not flagged because a prior study was flagged.
    """

    finding: Finding
    threshold: float
    score: float | None = None
    score_kind: ScoreKind | None = None
    reason: str = ""
    band: tuple[float, float] | None = None
    already_reported: bool = False
    prior: PriorComparison | None = None
    policy: str = ""
    rule: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the decision for JSON; never rename a key, because result UIDs depend on keys."""
        return {
            "finding": self.finding,
            "threshold": self.threshold,
            "score": self.score,
            "used": self.score_kind,
            "reason": self.reason,
            "band": self.band,
            "known": self.already_reported,
            "prior": asdict(self.prior) if self.prior else None,
            "policy": self.policy,
            "rule": self.rule,
        }

    @property
    def flagged(self) -> bool:
        """Whether the finding is present and has not been reported by a prior study."""
        return self.finding is Finding.PRESENT and not self.already_reported

    @property
    def undetermined(self) -> Undetermined | None:
        """The reason why the finding is undetermined, or None."""
        if self.finding is not Finding.UNDETERMINED:
            return None
        return Undetermined.NO_SCORE if self.score is None else Undetermined.TOO_CLOSE

    @property
    def has_heatmap(self) -> bool:
        """Whether a heatmap can explain the score; a clinical score has no heatmap."""
        return self.score is not None and self.score_kind is not ScoreKind.CLINICAL


@dataclass(frozen=True, slots=True)
class Verdict:
    """The stored result of an analysis, which is read for job lists and replays.

    `shadow_destinations` received no result because of shadow mode. `refusal_reason` is set if a
    report states that the film was not analysed.
    """

    probability: Probability
    decision: Decision
    model: ModelIdentity
    seconds: dict[str, float] = field(default_factory=dict)
    shadow_destinations: tuple[str, ...] = ()
    notes: tuple[AdmissionNote, ...] = ()
    refusal_reason: Reason | None = None
