"""The phrases of results, as templates with one value for each language."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.bundle.intended_use import IntendedUse
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.decision.prediction import ScoreKind
from node.domain.workflow.delivery import ResultKind


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of one language, in which values replace the names in braces.

    `tag` is the language by RFC 5646. `meanings` contains translated code meanings by coding
    scheme and code value.
    """

    tag: str
    name: str
    sentence_separator: str
    full_stop: str

    not_for_diagnosis: str
    demonstration: str
    demonstration_short: str
    research: str

    objects: Mapping[ResultKind, str]
    series: Mapping[IntendedUse, str]  # {product} {object}

    no_score: str
    no_statement: str
    not_analysed: str  # {reason}
    refusals: Mapping[Reason, str]  # the reportable reasons
    notes: Mapping[AdmissionNote, str]
    indeterminate: str  # {score} {threshold} {low} {high}
    indeterminate_caution: str
    suspected: str  # {score} {threshold}
    suspected_caution: str
    not_suspected: str  # {score} {threshold}
    not_suspected_caution: str

    already_flagged: str  # {months}
    prior_flagged: str  # {months}
    score_change: str  # {before} {change}
    scores_not_comparable: str

    basis: str  # {parts}
    no_clinical_score: str
    score_sources: Mapping[ScoreKind, str]
    clinical_only_caution: str
    clinical_not_used: str  # {percent} {source}
    clinical_in_combined: str  # {image} {percent} {source}

    headline_suspected: str
    headline_not_suspected: str
    headline_already_flagged: str
    headline_indeterminate: str
    score: str  # {percent}
    threshold: str  # {percent}
    no_heat: str
    scale_title: str
    scale_note: str
    model: str  # {product} {software} {name} {version} {digest}

    meanings: Mapping[tuple[str, str], str]

    def legend_texts(self) -> str:
        """Return all texts of the legend, for which a font must have glyphs."""
        return "".join(
            (
                self.not_for_diagnosis,
                self.demonstration_short,
                self.headline_suspected,
                self.headline_not_suspected,
                self.headline_already_flagged,
                self.headline_indeterminate,
                self.score,
                self.threshold,
                self.no_heat,
                self.scale_title,
                self.scale_note,
                self.model,
            )
        )
