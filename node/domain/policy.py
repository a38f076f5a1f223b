"""From a prediction to a decision: thresholds, and overrides for groups of films."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Self

from node.domain.film import Film
from node.domain.prediction import Decision, Finding, Probability, Used


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The threshold of each score that may decide: they are calibrated apart."""

    image: float
    combined: float

    @classmethod
    def same(cls, number: float) -> Self:
        """Return one number for whichever score is used."""
        return cls(image=number, combined=number)


@dataclass(frozen=True, slots=True)
class Override:
    """A threshold for the films that match every condition stated; ages in years, inclusive.

    It holds for whichever score is used.
    """

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
    """The thresholds on the scores, and the overrides, of which the first match counts."""

    thresholds: Thresholds
    overrides: tuple[Override, ...] = ()

    def thresholds_for(self, film: Film) -> Thresholds:
        """Return the thresholds that apply to this film."""
        matching = (Thresholds.same(o.threshold) for o in self.overrides if o.matches(film))
        return next(matching, self.thresholds)


def decide(probability: Probability, film: Film, policy: ThresholdPolicy) -> Decision:
    """Return the decision on the best score there is, by that score's own threshold.

    Combined where clinical facts were at hand, else image; never clinical alone, which a
    published multicentre study saw fall to chance at another hospital. Without any score the
    decision states the image's threshold.
    """
    thresholds = policy.thresholds_for(film)
    preference = (
        (Used.COMBINED, probability.combined, thresholds.combined),
        (Used.IMAGE, probability.image, thresholds.image),
    )
    for used, score, threshold in preference:
        # NaN compares below any threshold: a broken net must not clear a patient.
        if score is not None and math.isfinite(score):
            finding = Finding.PRESENT if score >= threshold else Finding.ABSENT
            return Decision(finding=finding, threshold=threshold, score=score, used=used)
    return Decision(
        finding=Finding.UNDETERMINED, threshold=thresholds.image, reason="the model gave no score"
    )


def digest_of(decision: Decision) -> str:
    """Return a SHA-256 over the parts of a decision that change what a result says."""
    facts = asdict(decision)
    facts.pop("score")
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
