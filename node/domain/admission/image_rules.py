"""Decide by the gate's findings which films are scored, after the header has admitted them.

A film that does not show a frontal chest is refused, even if its header states a frontal chest. If
the image decides a point that the header leaves open, the film is admitted with a note.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.gate.image_findings import ImageFindings
from models.images.radiograph import Radiograph
from node.domain.admission.header_rules import (
    Admission,
    AdmissionPolicy,
    Admitted,
    OpenQuestion,
    PixelRule,
    QuestionKind,
    Refused,
    mark_reported,
)
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.radiograph.case import Case
from node.domain.radiograph.view import View, view_of_position

LIKELY = 0.5
SURE = 0.9
"""Minimum probability of a frontal chest if the header states another part or view."""

_DEGREES = {1: "90 degrees to the left", 2: "180 degrees", 3: "90 degrees to the right"}


@dataclass(frozen=True, slots=True)
class CheckedFilm:
    """A film that may be scored, with its notes; inverted grey values are already corrected."""

    case: Case
    notes: tuple[AdmissionNote, ...] = ()
    image_findings: ImageFindings | None = None


def uses_gate(has_gate: bool, policy: AdmissionPolicy) -> bool:
    """Return whether a gate checks the films; `has_gate` is true if the bundle has a gate."""
    return has_gate and policy.pixels is not PixelRule.OFF


def apply_image_rules(
    admitted: Admitted, findings: ImageFindings | None, policy: AdmissionPolicy
) -> Admission:
    """Return the admission of a film by header and image.

    `findings` is None if no gate checked the film; a film with an open question is then refused.
    """
    if findings is None or policy.pixels is PixelRule.OFF:
        return _without_findings(admitted)
    contradicted = any(
        question.kind is QuestionKind.CONTRADICTED for question in admitted.open_questions
    )
    for refused in (
        _not_frontal(findings, SURE if contradicted else LIKELY, admitted.open_questions),
        _rotated(findings),
        _unlike(findings),
        _other_view(findings, admitted.open_questions, policy),
    ):
        if refused is not None:
            return refused
    return Admitted(notes=(*admitted.notes, *_notes(findings, admitted.open_questions)))


def prepare_film(
    case: Case, admitted: Admitted, findings: ImageFindings | None, policy: AdmissionPolicy
) -> CheckedFilm | Refused:
    """Return the film to score, inverted if necessary, or the refusal."""
    match apply_image_rules(admitted, findings, policy):
        case Refused() as refused:
            return mark_reported(refused, policy)
        case Admitted(notes=notes):
            is_inverted = AdmissionNote.INVERTED in notes
            return CheckedFilm(
                replace(case, radiograph=invert(case.radiograph)) if is_inverted else case,
                notes,
                findings,
            )


def invert(radiograph: Radiograph) -> Radiograph:
    """Return the film with black and white exchanged."""
    return replace(radiograph, pixels=np.float32(1) - radiograph.pixels)


def _without_findings(admitted: Admitted) -> Admission:
    if not admitted.open_questions:
        return admitted
    first = admitted.open_questions[0]
    return Refused(first.reason, f"{first.text}, and no gate checked the image")


def _not_frontal(
    findings: ImageFindings, minimum: float, questions: Sequence[OpenQuestion]
) -> Refused | None:
    if findings.frontal >= minimum:
        return None
    percent = f"{findings.frontal:.0%} probable"
    stated = f"; {questions[0].text}" if questions else ""
    if findings.side >= 1 - findings.frontal - findings.side:
        return Refused(
            Reason.VIEW,
            f"the image shows a lateral chest; a frontal chest is {percent}{stated}",
        )
    return Refused(Reason.BODY_PART, f"by the image, a frontal chest is {percent}{stated}")


def _rotated(findings: ImageFindings) -> Refused | None:
    if not findings.turn:
        return None
    return Refused(
        Reason.ORIENTATION,
        f"the image is rotated by {_DEGREES[findings.turn]}: send it upright",
    )


def _unlike(findings: ImageFindings) -> Refused | None:
    if findings.distance <= 1:
        return None
    return Refused(
        Reason.UNLIKE,
        "the image differs from the gate's training films: its distance is "
        f"{findings.distance:.1f} times the limit that 99.5 % of them meet",
    )


def _other_view(
    findings: ImageFindings, questions: Sequence[OpenQuestion], policy: AdmissionPolicy
) -> Refused | None:
    """Refuse a frontal view that the policy does not accept, if the header leaves the view open."""
    if not any(question.reason is Reason.VIEW for question in questions):
        return None
    accepted = {view_of_position(word) for word in policy.views}
    view = View.AP if findings.ap >= LIKELY else View.PA
    if view in accepted or View.FRONTAL in accepted:
        return None
    return Refused(Reason.VIEW, f"the image shows the view {view}, not {' or '.join(policy.views)}")


def _notes(findings: ImageFindings, questions: Sequence[OpenQuestion]) -> Sequence[AdmissionNote]:
    inverted = [AdmissionNote.INVERTED] if findings.inverted >= LIKELY else []
    return inverted + [_NOTE_OF_ANSWER[question.reason, question.kind] for question in questions]


_NOTE_OF_ANSWER = {
    (Reason.BODY_PART, QuestionKind.MISSING): AdmissionNote.BODY_PART_BY_PIXELS,
    (Reason.BODY_PART, QuestionKind.CONTRADICTED): AdmissionNote.BODY_PART_OVERRULED,
    (Reason.VIEW, QuestionKind.MISSING): AdmissionNote.VIEW_BY_PIXELS,
    (Reason.VIEW, QuestionKind.CONTRADICTED): AdmissionNote.VIEW_OVERRULED,
}
