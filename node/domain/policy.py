"""From a prediction to a decision: thresholds, and overrides for groups of films."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from node.domain.film import Film
from node.domain.prediction import Decision, Finding, Probability, Used


@dataclass(frozen=True, slots=True)
class Override:
    """A threshold for the films that match every condition stated; ages in years, inclusive."""

    threshold: float
    sex: str | None = None
    min_age: float | None = None
    max_age: float | None = None
    calling_ae: str | None = None

    def matches(self, film: Film) -> bool:
        """Return whether the film meets every condition; an unknown age meets no age limit."""
        if self.sex is not None and film.sex != self.sex:
            return False
        if self.calling_ae is not None and film.calling_ae != self.calling_ae:
            return False
        if self.min_age is None and self.max_age is None:
            return True
        if film.age_years is None:
            return False
        oldest = math.inf if self.max_age is None else self.max_age
        return (self.min_age or 0.0) <= film.age_years <= oldest


@dataclass(frozen=True, slots=True)
class ThresholdPolicy:
    """The threshold on the score, and the overrides, of which the first match counts."""

    threshold: float
    overrides: tuple[Override, ...] = ()

    def threshold_for(self, film: Film) -> float:
        """Return the threshold that applies to this film."""
        return next((o.threshold for o in self.overrides if o.matches(film)), self.threshold)


_PREFERENCE: Sequence[Used] = (Used.COMBINED, Used.IMAGE)


def decide(probability: Probability, film: Film, policy: ThresholdPolicy) -> Decision:
    """Return the decision on the best score there is.

    Combined where clinical facts were at hand, else image; never clinical alone, which a
    published multicentre study saw fall to chance at another hospital.
    """
    threshold = policy.threshold_for(film)
    scores: dict[Used, float | None] = {
        Used.COMBINED: probability.combined,
        Used.IMAGE: probability.image,
    }
    for used in _PREFERENCE:
        score = scores[used]
        # NaN compares below any threshold: a broken net must not clear a patient.
        if score is not None and math.isfinite(score):
            finding = Finding.PRESENT if score >= threshold else Finding.ABSENT
            return Decision(finding=finding, threshold=threshold, score=score, used=used)
    return Decision(
        finding=Finding.UNDETERMINED, threshold=threshold, reason="the model gave no score"
    )


def digest_of(decision: Decision) -> str:
    """Return a SHA-256 over the parts of a decision that change what a result says."""
    facts = asdict(decision)
    facts.pop("score")
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
