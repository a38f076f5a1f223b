"""What results say in words, as templates that every language fills in its own way.

The sentences are written for the radiologist who reads them cold, between two other films.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from models.bundle.intended_use import IntendedUse
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.decision.prediction import ScoreKind
from node.domain.workflow.delivery import ResultKind


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language. Names in braces are filled in; a sentence carries its own punctuation.

    `between` stands between two sentences, `stop` ends one. `meanings` has the code meanings that
    differ from the English ones of `codes`, by scheme and value.
    """

    tag: str
    name: str
    between: str
    stop: str

    not_for_diagnosis: str
    demonstration: str
    demonstration_short: str
    research: str

    objects: Mapping[ResultKind, str]
    series: Mapping[IntendedUse, str]  # {product} {object}

    undetermined: str  # {reason}
    no_score: str
    says_nothing: str
    not_analysed: str  # {reason}
    refusals: Mapping[Reason, str]  # those that are reported
    notes: Mapping[AdmissionNote, str]
    too_close: str  # {score} {threshold} {low} {high}
    neither: str
    suspected: str  # {score} {threshold}
    no_measurement: str
    not_suspected: str  # {score} {threshold}
    not_excluded: str

    known: str  # {months}
    reported_before: str  # {months}
    changed: str  # {before} {change}
    incomparable: str

    basis: str  # {parts}
    basis_without_clinical: str  # {parts}
    scored_by: Mapping[ScoreKind, str]
    clinical_alone: str
    clinical_apart: str  # {percent} {source}
    clinical_part: str  # {image} {percent} {source}

    headline_suspected: str
    headline_not_suspected: str
    headline_known: str
    headline_too_close: str
    score: str  # {percent}
    threshold: str  # {percent}
    no_heat: str
    scale_title: str
    scale_note: str
    model: str  # {product} {software} {name} {version} {digest}

    meanings: Mapping[tuple[str, str], str]

    def on_the_legend(self) -> str:
        """Return all that a heatmap's font must have glyphs for."""
        return "".join(
            (
                self.not_for_diagnosis,
                self.demonstration_short,
                self.headline_suspected,
                self.headline_not_suspected,
                self.headline_known,
                self.headline_too_close,
                self.score,
                self.threshold,
                self.no_heat,
                self.scale_title,
                self.scale_note,
                self.model,
            )
        )
