"""English, the language of a report where nothing else is asked for."""

from models.bundle.intended_use import IntendedUse
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.decision.prediction import ScoreKind
from node.domain.workflow.delivery import ResultKind
from node.results.translations.phrases import Phrases

ENGLISH = Phrases(
    tag="en",
    name="English",
    between=" ",
    stop=".",
    not_for_diagnosis="RESEARCH USE ONLY - NOT FOR DIAGNOSIS",
    demonstration=(
        "Demonstration model: it was trained on simulated films, has no known clinical accuracy, "
        "and must not be used for diagnosis."
    ),
    demonstration_short=(
        "Demonstration model: trained on simulated films, no known clinical accuracy"
    ),
    research="The model is under study and not cleared for clinical use.",
    objects={
        ResultKind.REPORT: "report",
        ResultKind.HEATMAP: "heatmap",
        ResultKind.TEXT: "text report",
    },
    series={
        IntendedUse.DEMONSTRATION: "{product} demo {object}: not for diagnosis",
        IntendedUse.RESEARCH: "{product} research {object}: not for diagnosis",
        IntendedUse.CLEARED: "{product} {object}",
    },
    undetermined="Result: undetermined, no score: {reason}.",
    no_score="the model gave no score",
    says_nothing="This says nothing about bone density.",
    not_analysed="Result: undetermined. The film was not analysed, because {reason}.",
    refusals={
        Reason.DERIVED: "it was made out of other films, or beside them",
        Reason.FRAMES: "it has several frames",
        Reason.COLOUR: "it is no grey image",
        Reason.BIT_DEPTH: "its bit depth is none of a radiograph",
        Reason.MATRIX: "its matrix is too small or too large",
        Reason.SIZE: "it shows too small a part of the body",
        Reason.BODY_PART: "it shows no frontal chest, or is not said to",
        Reason.VIEW: "it is no frontal view of the chest",
        Reason.ORIENTATION: "its picture is turned",
        Reason.UNLIKE: "it is unlike the chest films that are known to the program",
        Reason.STUDY: "another film of the same study was",
        Reason.AGE: "the patient's age is under the limit of this site, or not known",
        Reason.PIXELS: "its pixels cannot be read",
    },
    notes={
        AdmissionNote.AGE_UNKNOWN: "The film does not tell the patient's age.",
        AdmissionNote.AGE_CONTRADICTED: (
            "Age and birth date on the film differ; the younger age counted."
        ),
        AdmissionNote.VIEW_UNKNOWN: "The film does not tell its view.",
        AdmissionNote.VIEW_CONTRADICTED: "The film's labels contradict each other about its view.",
        AdmissionNote.BODY_PART_CONTRADICTED: (
            "The film's labels contradict each other about the body part."
        ),
        AdmissionNote.INVERTED: "The film came inverted and was set right before it was analysed.",
        AdmissionNote.VIEW_BY_PIXELS: (
            "That the view is frontal was told by the image, not by a label."
        ),
        AdmissionNote.VIEW_OVERRULED: "The film's labels tell another view than its image does.",
        AdmissionNote.BODY_PART_BY_PIXELS: (
            "That it shows the chest was told by the image, not by a label."
        ),
        AdmissionNote.BODY_PART_OVERRULED: (
            "The film's labels tell another body part than its image does."
        ),
        AdmissionNote.FOR_PROCESSING: "The film is a raw image, not the one that is read.",
    },
    too_close=(
        "Result: undetermined. The score of {score} % is too close to the decision threshold of "
        "{threshold} %: from {low} to {high} % the finding is left open."
    ),
    neither="This neither suggests osteoporosis nor excludes it.",
    suspected=(
        "Result: osteoporosis suspected. The score of {score} % reaches the decision threshold of "
        "{threshold} %."
    ),
    no_measurement="The score is no measurement of bone density; DXA confirms or refutes it.",
    not_suspected=(
        "Result: osteoporosis not suspected. The score of {score} % is below the decision "
        "threshold of {threshold} %."
    ),
    not_excluded="This does not exclude osteoporosis.",
    known=(
        "An earlier film of the last {months} months was flagged for this already; this one is "
        "not flagged again."
    ),
    reported_before="An earlier film of the last {months} months was flagged.",
    changed="The score of the patient's last film was {before} %; the change is {change} points.",
    incomparable=(
        "The patient's last film was scored by another model or from other facts: the scores are "
        "not comparable."
    ),
    basis="The score rests on {parts}.",
    basis_without_clinical=(
        "The score rests on {parts}; no clinical score was at hand, which takes age, sex, height "
        "and weight."
    ),
    scored_by={
        ScoreKind.IMAGE: "the image alone",
        ScoreKind.CLINICAL: "clinical facts alone",
        ScoreKind.COMBINED: "the image combined with clinical facts from the film's header",
    },
    clinical_alone=(
        "The film itself had no part in this score, by a setting of this site. In a published "
        "study, such a score was no better than chance at another hospital."
    ),
    clinical_apart=(
        "Clinical score from age, sex, weight and height: {percent} %, by a model {source}; it is "
        "a chance of its own, not comparable with the score above, and no decision rests on it."
    ),
    clinical_part=(
        "Image alone: {image} %. Clinical score from age, sex, weight and height: {percent} %, by "
        "a model {source}; by itself it is not comparable with the image's score, and decides "
        "nothing."
    ),
    headline_suspected="Osteoporosis suspected: score at or above threshold",
    headline_not_suspected="Osteoporosis not suspected: score below threshold",
    headline_known="Osteoporosis suspected, as on an earlier film",
    headline_too_close="Undetermined: score too close to threshold",
    score="Score {percent} %",
    threshold="Threshold {percent} %",
    no_heat="No part of this film raised the score",
    scale_title="Influence on the score (Grad-CAM)",
    scale_note="100 % = strongest on this film; not comparable between films",
    model="{product} {software}, model {name} {version} (bundle {digest})",
    meanings={},
)
