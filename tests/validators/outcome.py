"""Outcomes that the results of a case must report; the node's own policy makes the decision.

A case sets its score, because these tests do not depend on the model.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from node.domain.admission.header_rules import Refused
from node.domain.admission.reasons import REPORTABLE, AdmissionNote, Reason
from node.domain.decision.decide import DecisionPolicy, decide, refused_verdict
from node.domain.decision.prediction import ModelIdentity, Probability, ScoreKind, Verdict
from node.domain.decision.prior_studies import PriorResult, PriorRule, PriorStudies
from node.domain.decision.thresholds import Rule, Thresholds
from node.domain.radiograph.film import Film

POSITIVE, NEGATIVE, NEAR_THRESHOLD = 0.8, 0.2, 0.51
_THRESHOLD = 0.5
_PRIOR_DATE = date(2000, 1, 1)
_PRIOR_MONTHS = 12 * 200  # includes the prior result for any date of the film


@dataclass(frozen=True)
class Outcome:
    """The score of a film (None if not scored), and every other value that affects its report.

    `prior` adds a prior result, which has another model unless `comparable` is true.
    """

    score: float | None = POSITIVE
    score_kind: ScoreKind = ScoreKind.IMAGE
    abstain: float = 0.0
    prior: bool = False
    comparable: bool = True
    notes: tuple[AdmissionNote, ...] = ()
    refused: Reason | None = None

    def verdict(self, film: Film, probability: Probability, model: ModelIdentity) -> Verdict:
        """Return the verdict, with the probabilities of the model."""
        policy = DecisionPolicy(
            Rule(Thresholds.uniform(_THRESHOLD), self.abstain, "older-women"),
            score=self.score_kind,
            prior=PriorRule(_PRIOR_MONTHS),
        )
        if self.refused is not None:
            refusal = Refused(self.refused, "not relevant", reported=True)
            return refused_verdict(film, refusal, policy, model)
        scores = Probability(self.score, self.score, self.score)
        decision = decide(scores, film, policy, self._prior_studies(model))
        return Verdict(probability, decision, model, notes=self.notes)

    def _prior_studies(self, model: ModelIdentity) -> PriorStudies:
        digest = model.digest if self.comparable else "cd" * 32
        result = PriorResult(
            _PRIOR_DATE, POSITIVE, self.score_kind, digest, reported=self.comparable
        )
        return PriorStudies(model.digest, [result] if self.prior else [])


def unscored_outcomes() -> Iterator[tuple[str, Outcome]]:
    """Yield a title and an outcome for every reportable reason not to analyse a film."""
    for reason in REPORTABLE:
        yield f"not analysed: {reason}", Outcome(refused=reason)
