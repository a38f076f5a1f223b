"""From facts to a decision: which score counts, which rule holds, what earlier films have shown.

Everything here is a pure function of frozen values, so that a stored score can be decided on
anew, by rules that are only being thought of, without running the model.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from node.domain.admission.header_rules import Refused
from node.domain.decision.prediction import (
    Decision,
    Finding,
    ModelIdentity,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.decision.prior_studies import (
    NO_PRIORS,
    NOTHING_BEFORE,
    Past,
    PriorRule,
    Repeat,
    compare,
)
from node.domain.decision.thresholds import FilmFacts, Override, Rule

NO_SCORE = "the model gave no score"
TOO_CLOSE = "the score is too close to the threshold"

_PREFERENCE = {
    ScoreKind.COMBINED: (ScoreKind.COMBINED, ScoreKind.IMAGE),
    ScoreKind.IMAGE: (ScoreKind.IMAGE,),
    ScoreKind.CLINICAL: (ScoreKind.CLINICAL,),
}
"""The scores that may decide, by what the administrator wants to count; the first there is does."""


@dataclass(frozen=True, slots=True)
class DecisionPolicy:
    """The default rule, and the overrides, of which the first that has the film counts.

    `score` is which one counts: combined, or the image's where facts are missing; the image's
    alone; or the clinical one alone. `digest` is the SHA-256 of all of it, in hex: the same
    numbers make the same digest, however they were written.
    """

    default: Rule
    overrides: tuple[Override, ...] = ()
    score: ScoreKind = ScoreKind.COMBINED
    prior: PriorRule = NO_PRIORS
    digest: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        for rule in (self.default, *(one.rule for one in self.overrides)):
            for used in _PREFERENCE[self.score]:
                rule.thresholds.of(used)  # a threshold that is missing is missed here, not later
        object.__setattr__(self, "digest", _sha256(self.as_dict()))

    def rule_for(self, film: FilmFacts) -> Rule:
        """Return the rule that holds for this film."""
        for override in self.overrides:
            if override.group.has(film):
                return override.rule
        return self.default

    def as_dict(self) -> dict[str, Any]:
        """Return the whole policy, thresholds as the numbers they stand for."""
        return {
            "default": asdict(self.default),
            "overrides": [asdict(one) for one in self.overrides],
            "score": str(self.score),
            "prior": asdict(self.prior),
        }


def decide(
    probability: Probability, film: FilmFacts, policy: DecisionPolicy, past: Past = NOTHING_BEFORE
) -> Decision:
    """Return the decision on the score that counts, by that score's own threshold.

    A score at the threshold is positive, as on the model's card. One within the band around it
    leaves the finding open. What an earlier film has shown and reported is not flagged again,
    where policy says so. Without any score the decision states the threshold of the last that
    might have counted.
    """
    rule = policy.rule_for(film)
    used, score = _counting(probability, policy.score)
    threshold = rule.thresholds.of(used)
    if score is None:
        return Decision(
            finding=Finding.UNDETERMINED,
            threshold=threshold,
            reason=NO_SCORE,
            policy=policy.digest,
            rule=rule.name,
        )
    band = rule.band(used)
    finding = _finding(score, threshold, band)
    prior = compare(film, used, past, policy.prior) if policy.prior.months else None
    known = prior is not None and prior.reported and policy.prior.repeat is Repeat.MARK
    return Decision(
        finding=finding,
        threshold=threshold,
        score=score,
        used=used,
        reason=TOO_CLOSE if finding is Finding.UNDETERMINED else "",
        band=band,
        known=known and finding is Finding.PRESENT,
        prior=prior,
        policy=policy.digest,
        rule=rule.name,
    )


def unscored(
    film: FilmFacts, refused: Refused, policy: DecisionPolicy, model: ModelIdentity
) -> Verdict:
    """Return the verdict that a report says of a film why it was not scored."""
    decision = decide(Probability(), film, policy)
    return Verdict(
        probability=Probability(),
        decision=replace(decision, reason=refused.text),
        model=model,
        refused=refused.reason,
    )


def _counting(probability: Probability, wanted: ScoreKind) -> tuple[ScoreKind, float | None]:
    """Return the score that counts; the last that might have, with None, where there is none."""
    scores = {
        ScoreKind.IMAGE: probability.image,
        ScoreKind.CLINICAL: probability.clinical,
        ScoreKind.COMBINED: probability.combined,
    }
    for used in _PREFERENCE[wanted]:
        score = scores[used]
        # NaN compares below any threshold: a broken net must not clear a patient.
        if score is not None and math.isfinite(score):
            return used, score
    return _PREFERENCE[wanted][-1], None


def _finding(score: float, threshold: float, band: tuple[float, float] | None) -> Finding:
    if band is not None and band[0] <= score < band[1]:
        return Finding.UNDETERMINED
    return Finding.PRESENT if score >= threshold else Finding.ABSENT


def digest_of(decision: Decision) -> str:
    """Return a SHA-256 over the parts of a decision that change what a result says.

    Not the score itself, whose last bits differ between processors; that of an earlier film has
    been settled, and counts.
    """
    facts = asdict(decision)
    facts.pop("score")
    return _sha256(facts)


def _sha256(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
