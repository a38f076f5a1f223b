"""Decide by score, rule and prior studies whether a film is flagged.

All functions are pure, so that a replay can apply another policy to stored scores.
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
    NO_PRIOR_STUDIES,
    NO_PRIORS,
    PriorRule,
    PriorStudies,
    RepeatRule,
    compare_with_prior_studies,
)
from node.domain.decision.thresholds import FilmFacts, Override, Rule

# NO_SCORE and TOO_CLOSE are part of a decision's digest, from which result UIDs are derived.
NO_SCORE = "the model gave no score"
TOO_CLOSE = "the score is too close to the threshold"

_PREFERENCE = {
    ScoreKind.COMBINED: (ScoreKind.COMBINED, ScoreKind.IMAGE),
    ScoreKind.IMAGE: (ScoreKind.IMAGE,),
    ScoreKind.CLINICAL: (ScoreKind.CLINICAL,),
}
"""For each configured kind of score, the kinds that may decide, in the order of preference."""


@dataclass(frozen=True, slots=True)
class DecisionPolicy:
    """The default rule, and overrides for groups of films; the first matching override applies.

    `score` is the kind of score that decides. `digest` is the SHA-256 of all values in hex.
    """

    default: Rule
    overrides: tuple[Override, ...] = ()
    score: ScoreKind = ScoreKind.COMBINED
    prior: PriorRule = NO_PRIORS
    digest: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        for rule in (self.default, *(override.rule for override in self.overrides)):
            for kind in _PREFERENCE[self.score]:
                rule.thresholds.of(kind)  # raises if a threshold is missing
        object.__setattr__(self, "digest", _sha256(self.as_dict()))

    def rule_for(self, film: FilmFacts) -> Rule:
        """Return the rule that applies to this film."""
        for override in self.overrides:
            if override.group.contains(film):
                return override.rule
        return self.default

    def as_dict(self) -> dict[str, Any]:
        """Return the policy with thresholds as numbers."""
        return {
            "default": asdict(self.default),
            "overrides": [asdict(override) for override in self.overrides],
            "score": str(self.score),
            "prior": asdict(self.prior),
        }


def decide(
    probability: Probability,
    film: FilmFacts,
    policy: DecisionPolicy,
    priors: PriorStudies = NO_PRIOR_STUDIES,
) -> Decision:
    """Return the decision by the policy's kind of score and the threshold of this kind.

    A score equal to the threshold is positive, as on the model card. A score in the indeterminate
    band is undetermined. With `RepeatRule.MARK`, a finding that a prior study has reported is not
    flagged again. Without a score, the decision contains the threshold of the least preferred kind
    of score.
    """
    rule = policy.rule_for(film)
    kind, score = _deciding_score(probability, policy.score)
    threshold = rule.thresholds.of(kind)
    if score is None:
        return Decision(
            finding=Finding.UNDETERMINED,
            threshold=threshold,
            reason=NO_SCORE,
            policy=policy.digest,
            rule=rule.name,
        )
    band = rule.band(kind)
    finding = _finding(score, threshold, band)
    prior = compare_with_prior_studies(film, kind, priors, policy.prior)
    is_repeat = prior is not None and prior.reported and policy.prior.repeat is RepeatRule.MARK
    return Decision(
        finding=finding,
        threshold=threshold,
        score=score,
        score_kind=kind,
        reason=TOO_CLOSE if finding is Finding.UNDETERMINED else "",
        band=band,
        already_reported=is_repeat and finding is Finding.PRESENT,
        prior=prior,
        policy=policy.digest,
        rule=rule.name,
    )


def refused_verdict(
    film: FilmFacts, refused: Refused, policy: DecisionPolicy, model: ModelIdentity
) -> Verdict:
    """Return the verdict for a report which states why a film was not analysed."""
    decision = decide(Probability(), film, policy)
    return Verdict(
        probability=Probability(),
        decision=replace(decision, reason=refused.text),
        model=model,
        refusal_reason=refused.reason,
    )


def _deciding_score(
    probability: Probability, preferred: ScoreKind
) -> tuple[ScoreKind, float | None]:
    """Return kind and value of the deciding score, or the least preferred kind and None."""
    for kind in _PREFERENCE[preferred]:
        score: float | None = getattr(probability, kind)
        # A broken net may return NaN, which must not lead to a negative finding.
        if score is not None and math.isfinite(score):
            return kind, score
    return _PREFERENCE[preferred][-1], None


def _finding(score: float, threshold: float, band: tuple[float, float] | None) -> Finding:
    if band is not None and band[0] <= score < band[1]:
        return Finding.UNDETERMINED
    return Finding.PRESENT if score >= threshold else Finding.ABSENT


def decision_digest(decision: Decision) -> str:
    """Return the SHA-256 of the parts of a decision that change a result.

    The digest excludes the film's score, because its last bits differ between processors. The
    digest includes a prior study's score, because that score is read from the job table.
    """
    values = decision.as_dict()
    values.pop("score")
    return _sha256(values)


def _sha256(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
