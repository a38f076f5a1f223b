"""What a case's results are to say, decided by the node's own policy.

The score itself is beside the point here, so that it is given; what follows from it is not.
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

POSITIVE, NEGATIVE, NEAR = 0.8, 0.2, 0.51
_THRESHOLD = 0.5
_EARLIER = date(2000, 1, 1)
_MONTHS = 12 * 200  # a film's date is beside the point as well


@dataclass(frozen=True)
class Said:
    """A score, None for none, and what else bears on a report.

    `earlier` is whether a film before was flagged, and `comparable` whether this model scored it.
    """

    score: float | None = POSITIVE
    used: ScoreKind = ScoreKind.IMAGE
    abstain: float = 0.0
    earlier: bool = False
    comparable: bool = True
    notes: tuple[AdmissionNote, ...] = ()
    refused: Reason | None = None

    def verdict(self, film: Film, found: Probability, model: ModelIdentity) -> Verdict:
        """Return the verdict, with the probabilities that the model has found."""
        policy = DecisionPolicy(
            Rule(Thresholds.uniform(_THRESHOLD), self.abstain, "older-women"),
            score=self.used,
            prior=PriorRule(_MONTHS),
        )
        if self.refused is not None:
            return refused_verdict(
                film, Refused(self.refused, "no matter", reported=True), policy, model
            )
        given = Probability(self.score, self.score, self.score)
        decision = decide(given, film, policy, self._past(model))
        return Verdict(found, decision, model, notes=self.notes)

    def _past(self, model: ModelIdentity) -> PriorStudies:
        maker = model.digest if self.comparable else "cd" * 32
        result = PriorResult(_EARLIER, POSITIVE, self.used, maker, reported=self.comparable)
        return PriorStudies(model.digest, [result] if self.earlier else [])


def unscored_cases() -> Iterator[tuple[str, Said]]:
    """Yield every reason for which a report can say that a film was not analysed."""
    for reason in REPORTABLE:
        yield f"not analysed: {reason}", Said(refused=reason)
