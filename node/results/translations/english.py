"""English phrases, the default of `results.language`."""

from models.bundle.intended_use import IntendedUse
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.decision.prediction import ScoreKind
from node.domain.workflow.delivery import ResultKind
from node.results.translations.phrases import Phrases

ENGLISH = Phrases(
    tag="en",
    name="English",
    sentence_separator=" ",
    full_stop=".",
    not_for_diagnosis="RESEARCH USE ONLY - NOT FOR DIAGNOSIS",
    demonstration=(
        "Demonstration model, trained on simulated films. Its clinical accuracy is not known. Do "
        "not use it for diagnosis."
    ),
    demonstration_short=(
        "Demonstration model, trained on simulated films. Clinical accuracy not known."
    ),
    research="The model is under study. It is not cleared for clinical use.",
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
    no_score="Result: undetermined. The model did not give a score.",
    no_statement="This report makes no statement about bone density.",
    not_analysed="Result: undetermined. The film was not analysed: {reason}.",
    refusals={
        Reason.DERIVED: "it is a processed or derived image, not an original film",
        Reason.FRAMES: "it has more than one frame",
        Reason.COLOUR: "it is not a greyscale image",
        Reason.BIT_DEPTH: "its bit depth is not supported",
        Reason.MATRIX: "its image matrix is too small or too large",
        Reason.SIZE: "the imaged area is too small",
        Reason.BODY_PART: "it is not a frontal chest film, or its header does not name the chest",
        Reason.VIEW: "its view is not an accepted frontal view",
        Reason.ORIENTATION: "the image is rotated",
        Reason.UNLIKE: "it differs too much from the chest films of the training data",
        Reason.STUDY: "another film of the same study was analysed",
        Reason.AGE: "the patient's age is below the limit of this site or is not known",
        Reason.PIXELS: "its pixel data cannot be read",
    },
    notes={
        AdmissionNote.AGE_UNKNOWN: "The film's header does not state the patient's age.",
        AdmissionNote.AGE_CONTRADICTED: (
            "Age and birth date in the film's header disagree. The lower age was used."
        ),
        AdmissionNote.VIEW_UNKNOWN: "The film's header does not state the view.",
        AdmissionNote.VIEW_CONTRADICTED: "The film's header states contradictory views.",
        AdmissionNote.BODY_PART_CONTRADICTED: "The film's header states contradictory body parts.",
        AdmissionNote.INVERTED: (
            "Black and white were inverted in the film. This was corrected before the analysis."
        ),
        AdmissionNote.VIEW_BY_PIXELS: (
            "The film's header does not state the view. The frontal view was recognised from the "
            "image."
        ),
        AdmissionNote.VIEW_OVERRULED: "The view in the film's header does not match the image.",
        AdmissionNote.BODY_PART_BY_PIXELS: (
            "The film's header does not state the body part. The chest was recognised from the "
            "image."
        ),
        AdmissionNote.BODY_PART_OVERRULED: (
            "The body part in the film's header does not match the image."
        ),
        AdmissionNote.FOR_PROCESSING: (
            "The film is a raw image (For Processing), not the image for reading."
        ),
    },
    indeterminate=(
        "Result: undetermined. The score of {score} % is close to the decision threshold of "
        "{threshold} %. The indeterminate range is {low} to {high} %."
    ),
    indeterminate_caution="This result neither suggests nor excludes osteoporosis.",
    suspected=(
        "Result: osteoporosis suspected. The score of {score} % is at or above the decision "
        "threshold of {threshold} %."
    ),
    suspected_caution=(
        "The score is not a measurement of bone density. DXA is needed to confirm or exclude "
        "osteoporosis."
    ),
    not_suspected=(
        "Result: osteoporosis not suspected. The score of {score} % is below the decision "
        "threshold of {threshold} %."
    ),
    not_suspected_caution="This result does not exclude osteoporosis.",
    already_flagged=(
        "A prior film of the last {months} months was already flagged. This film is not flagged "
        "again."
    ),
    prior_flagged="A prior film of the last {months} months was flagged.",
    score_change="Score of the previous film: {before} %. Change: {change} percentage points.",
    scores_not_comparable=(
        "The previous film was scored by another model or from other data. The scores are not "
        "comparable."
    ),
    basis="The score is based on {parts}.",
    no_clinical_score=(
        "No clinical score: age, sex, height or weight is missing or outside the range of the "
        "clinical model."
    ),
    score_sources={
        ScoreKind.IMAGE: "the image only",
        ScoreKind.CLINICAL: "clinical data only",
        ScoreKind.COMBINED: "the image and clinical data from the film's header",
    },
    clinical_only_caution=(
        "The image was not used for this score, as this site has configured. In a published "
        "study, such a score was no better than chance at another hospital."
    ),
    clinical_not_used=(
        "Clinical score from age, sex, weight and height: {percent} % (model {source}). It is not "
        "comparable with the score above and is not used for the decision."
    ),
    clinical_in_combined=(
        "Image score: {image} %. Clinical score from age, sex, weight and height: {percent} % "
        "(model {source}). The clinical score is not comparable with the image score. It is not "
        "used for a decision on its own."
    ),
    headline_suspected="Osteoporosis suspected: score at or above threshold",
    headline_not_suspected="Osteoporosis not suspected: score below threshold",
    headline_already_flagged="Osteoporosis suspected, as on a prior film",
    headline_indeterminate="Undetermined: score close to threshold",
    score="Score {percent} %",
    threshold="Threshold {percent} %",
    no_heat="No region of this film increased the score",
    scale_title="Influence on the score (Grad-CAM)",
    scale_note="100 % = maximum of this film. Not comparable between films.",
    model="{product} {software}, model {name} {version} (bundle {digest})",
    meanings={},
)
