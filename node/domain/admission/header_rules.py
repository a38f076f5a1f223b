"""Decide by the header which films are scored; each refusal has a reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from node.domain.admission.header_evidence import (
    Evidence,
    HeaderAgreement,
    body_part_evidence,
    view_evidence,
)
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.admission.study_selection import StudyCandidate, rank_of
from node.domain.radiograph.derivation import Derivation
from node.domain.radiograph.film import Film
from node.domain.sop_class import RADIOGRAPH_CLASSES, SopClass

PHOTOMETRIC_INTERPRETATIONS = (
    "MONOCHROME1",
    "MONOCHROME2",
    "RGB",
    "YBR_FULL",
    "YBR_FULL_422",
    "YBR_ICT",
    "YBR_RCT",
)
"""Values that the decoder supports; the decoder checks whether a colour image is grey."""

OWN_MANUFACTURER = "OsteoScreen"
_DIGITISED = "RG"  # the Modality of digitised films
_FEWEST_BITS, _MOST_BITS = 8, 16


class PixelRule(StrEnum):
    """The cases in which the image check, not the header, decides about body part and view."""

    OFF = "off"  # never: the header decides
    CONFIRM = "confirm"  # if the header states neither, or contradicts itself
    OVERRULE = "overrule"  # also if the header states another body part or view


class QuestionKind(StrEnum):
    """The reason why the header does not decide about body part or view."""

    MISSING = "missing"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """The rules that decide which films are admitted.

    Ages are in years, matrix sizes in pixels, `min_side` in mm, `study_wait` in seconds. A word of
    `body_parts` or `views` stands for all its synonyms. A word outside of the vocabulary is
    compared literally. A refusal for a reason in `report` is reported to the PACS.
    """

    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    views: tuple[str, ...]
    unknown_view: bool
    min_age: float
    unknown_age: bool
    min_matrix: int
    max_matrix: int
    min_side: float
    pixels: PixelRule
    one_per_study: bool
    study_wait: float
    report: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that the header does not answer; `reason` applies if the image does not either."""

    reason: Reason
    kind: QuestionKind
    text: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """The film may be scored if the image check decides each open question.

    `candidate` is set if only one film of a study is scored.
    """

    open_questions: tuple[OpenQuestion, ...] = ()
    notes: tuple[AdmissionNote, ...] = ()
    candidate: StudyCandidate | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The film is not scored; `text` explains the reason.

    If `reported` is true, a report to the PACS states the refusal; otherwise the job is REJECTED.
    """

    reason: Reason
    text: str
    reported: bool = False


Admission = Admitted | Refused
_Check = Callable[[Film, AdmissionPolicy], Refused | OpenQuestion | AdmissionNote | None]


def admit(film: Film, policy: AdmissionPolicy) -> Admission:
    """Return the first refusal, or Admitted with open questions and notes."""
    questions: list[OpenQuestion] = []
    notes: list[AdmissionNote] = []
    for check in _CHECKS:
        match check(film, policy):
            case Refused() as refused:
                return mark_reported(_clearest(refused, questions), policy)
            case OpenQuestion() as question:
                questions.append(question)
            case AdmissionNote() as note:
                notes.append(note)
    candidate = StudyCandidate(rank_of(film), policy.study_wait) if policy.one_per_study else None
    return Admitted(tuple(questions), tuple(notes), candidate)


def _clearest(refused: Refused, questions: Sequence[OpenQuestion]) -> Refused:
    """Return the refusal to record: a contradicted body part or view precedes other reasons."""
    contradicted = (
        question for question in questions if question.kind is QuestionKind.CONTRADICTED
    )
    first = next(contradicted, None)
    return refused if first is None else Refused(first.reason, first.text)


def refuse_other_film(scored_film_uid: str, policy: AdmissionPolicy) -> Refused:
    """Return the refusal of a film if another film of its study was scored."""
    refused = Refused(Reason.STUDY, f"another film of its study was scored, {scored_film_uid}")
    return mark_reported(refused, policy)


def mark_reported(refused: Refused, policy: AdmissionPolicy) -> Refused:
    """Return the refusal, marked as reported if the policy lists its reason."""
    return replace(refused, reported=refused.reason in policy.report)


def _sop_class(film: Film, _: AdmissionPolicy) -> Refused | None:
    if film.sop_class_uid in RADIOGRAPH_CLASSES:
        return None
    return Refused(Reason.SOP_CLASS, f"SOP Class {film.sop_class_uid} is not a radiograph")


def _own_result(film: Film, _: AdmissionPolicy) -> Refused | None:
    secondary = film.image_type[:2] == ("DERIVED", "SECONDARY")
    if film.is_own_result or (secondary and film.manufacturer == OWN_MANUFACTURER):
        return Refused(Reason.OWN_RESULT, "the object is a heatmap of this product")
    return None


def _modality(film: Film, policy: AdmissionPolicy) -> Refused | None:
    if film.modality in policy.modalities:
        return None
    stated = film.modality or "absent"
    return Refused(Reason.MODALITY, f"Modality is {stated}, not {' or '.join(policy.modalities)}")


def _derived(film: Film, _: AdmissionPolicy) -> Refused | None:
    digitised = film.derivation is Derivation.DIGITISED and film.modality == _DIGITISED
    if film.derivation is None or digitised:
        return None
    return Refused(Reason.DERIVED, f"the object is {film.derivation}, not an original film")


def _pixels(film: Film, _: AdmissionPolicy) -> Refused | None:
    if not film.has_pixel_data:
        return Refused(Reason.NO_PIXELS, "Pixel Data is absent: there is no image to score")
    if not film.rows or not film.columns:
        return Refused(Reason.NO_PIXELS, "Rows or Columns is absent: there is no image to score")
    if film.number_of_frames != 1:
        return Refused(Reason.FRAMES, f"the object has {film.number_of_frames} frames, not one")
    if film.samples_per_pixel not in (1, 3):
        return Refused(Reason.COLOUR, f"Samples per Pixel is {film.samples_per_pixel}, not 1")
    colours = film.photometric_interpretation
    if colours and colours not in PHOTOMETRIC_INTERPRETATIONS:
        return Refused(Reason.COLOUR, f"Photometric Interpretation is {colours}, not grey")
    return None


def _bit_depth(film: Film, _: AdmissionPolicy) -> Refused | None:
    for name, bits in (("Allocated", film.bits_allocated), ("Stored", film.bits_stored)):
        if bits is not None and not _FEWEST_BITS <= bits <= _MOST_BITS:
            return Refused(
                Reason.BIT_DEPTH,
                f"Bits {name} is {bits}; a film has {_FEWEST_BITS} to {_MOST_BITS}",
            )
    return None


def _matrix(film: Film, policy: AdmissionPolicy) -> Refused | None:
    sides = (film.rows or 0, film.columns or 0)
    if min(sides) >= policy.min_matrix and max(sides) <= policy.max_matrix:
        return None
    limits = f"{policy.min_matrix} to {policy.max_matrix} pixels a side"
    return Refused(Reason.MATRIX, f"the matrix is {sides[0]} x {sides[1]}, outside {limits}")


def _size(film: Film, policy: AdmissionPolicy) -> Refused | None:
    if film.height_mm is None or film.width_mm is None:
        return None
    if min(film.height_mm, film.width_mm) >= policy.min_side:
        return None
    sides = f"{film.height_mm:.0f} x {film.width_mm:.0f} mm"
    return Refused(Reason.SIZE, f"the film shows {sides}: too small for the chest of an adult")


def _body_part(
    film: Film, policy: AdmissionPolicy
) -> Refused | OpenQuestion | AdmissionNote | None:
    evidence = body_part_evidence(film, policy.body_parts)
    if evidence.agreement is HeaderAgreement.CONTRADICTS and policy.pixels is PixelRule.OFF:
        return AdmissionNote.BODY_PART_CONTRADICTED
    return _apply_rule(Reason.BODY_PART, evidence, policy.pixels)


def _view(film: Film, policy: AdmissionPolicy) -> Refused | OpenQuestion | AdmissionNote | None:
    evidence = view_evidence(film, policy.views)
    if policy.pixels is PixelRule.OFF:
        if evidence.agreement is HeaderAgreement.CONTRADICTS:
            return AdmissionNote.VIEW_CONTRADICTED
        if evidence.agreement is HeaderAgreement.NOTHING and policy.unknown_view:
            return AdmissionNote.VIEW_UNKNOWN
    return _apply_rule(Reason.VIEW, evidence, policy.pixels)


def _apply_rule(
    reason: Reason, evidence: Evidence, rule: PixelRule
) -> Refused | OpenQuestion | None:
    """Apply the table of rules in `docs/explanation/admission.md` to the evidence."""
    match evidence.agreement:
        case HeaderAgreement.FITS:
            return None
        case HeaderAgreement.NOTHING | HeaderAgreement.UNKNOWN_WORD if rule is not PixelRule.OFF:
            return OpenQuestion(reason, QuestionKind.MISSING, evidence.text)
        case HeaderAgreement.CONTRADICTS if rule is not PixelRule.OFF:
            return OpenQuestion(reason, QuestionKind.CONTRADICTED, evidence.text)
        case HeaderAgreement.OTHER if rule is PixelRule.OVERRULE:
            return OpenQuestion(reason, QuestionKind.CONTRADICTED, evidence.text)
        case _:
            return Refused(reason, evidence.text)


def _age(film: Film, policy: AdmissionPolicy) -> Refused | AdmissionNote | None:
    if film.age_years is None:
        if policy.unknown_age:
            return AdmissionNote.AGE_UNKNOWN
        return Refused(Reason.AGE, "the patient's age is unknown")
    if film.age_years >= policy.min_age:
        return AdmissionNote.AGE_CONTRADICTED if film.age_contradicted else None
    by_lower = "by the lower of two ages, " if film.age_contradicted else ""
    return Refused(Reason.AGE, f"{by_lower}the patient is younger than {policy.min_age:g} years")


def _processing(film: Film, _: AdmissionPolicy) -> AdmissionNote | None:
    raw = film.sop_class_uid == SopClass.DIGITAL_X_RAY_FOR_PROCESSING
    return AdmissionNote.FOR_PROCESSING if raw else None


_CHECKS: tuple[_Check, ...] = (
    _sop_class,
    _own_result,
    _modality,
    _pixels,
    _bit_depth,
    _derived,
    _body_part,
    _view,
    _age,
    _matrix,
    _size,
    _processing,
)
