"""Which films are scored: a pure decision on the header's facts, each refusal with its reason."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from node.domain.film import Film

COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
DIGITAL_X_RAY_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
DIGITAL_X_RAY_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
RADIOGRAPH_CLASSES = (
    COMPUTED_RADIOGRAPHY,
    DIGITAL_X_RAY_FOR_PRESENTATION,
    DIGITAL_X_RAY_FOR_PROCESSING,
    SECONDARY_CAPTURE,
)

OWN_MANUFACTURER = "OsteoScreen"
_CHEST_WORDS = ("CHEST", "THORAX", "RIBCAGE", "CXR", "胸")


class Reason(StrEnum):
    """Why a film is not scored. The codes are part of the interface: never rename one."""

    SOP_CLASS = "sop-class"
    MODALITY = "modality"
    OWN_RESULT = "own-result"
    NO_PIXELS = "no-pixels"
    FRAMES = "frames"
    COLOUR = "colour"
    MATRIX = "matrix"
    BODY_PART = "body-part"
    VIEW = "view"
    AGE = "age"
    PIXELS = "pixels"


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """What the administrator admits. Ages in years, matrix limits in pixels."""

    modalities: tuple[str, ...] = ("CR", "DX", "RG")
    body_parts: tuple[str, ...] = ("CHEST", "THORAX", "RIBCAGE", "LUNG")
    views: tuple[str, ...] = ("PA", "AP")
    unknown_view: bool = True
    min_age: float = 50.0
    unknown_age: bool = True
    min_matrix: int = 256
    max_matrix: int = 12000


@dataclass(frozen=True, slots=True)
class Admitted:
    """The film goes on to the model."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The film is kept as a REJECTED row with this reason and a sentence for people."""

    reason: Reason
    text: str


Admission = Admitted | Refused
_Check = Callable[[Film, AdmissionPolicy], Refused | None]


def admit(film: Film, policy: AdmissionPolicy) -> Admission:
    """Return the first refusal in the order of the checks, or Admitted."""
    for check in _CHECKS:
        refused = check(film, policy)
        if refused is not None:
            return refused
    return Admitted()


def _sop_class(film: Film, _: AdmissionPolicy) -> Refused | None:
    if film.sop_class_uid in RADIOGRAPH_CLASSES:
        return None
    return Refused(Reason.SOP_CLASS, f"SOP Class {film.sop_class_uid} is not a radiograph")


def _own_result(film: Film, _: AdmissionPolicy) -> Refused | None:
    secondary = film.image_type[:2] == ("DERIVED", "SECONDARY")
    if secondary and film.manufacturer == OWN_MANUFACTURER:
        return Refused(Reason.OWN_RESULT, "the object is a heatmap that this product made")
    return None


def _modality(film: Film, policy: AdmissionPolicy) -> Refused | None:
    if film.modality in policy.modalities:
        return None
    stated = film.modality or "absent"
    return Refused(Reason.MODALITY, f"Modality is {stated}, not {_one_of(policy.modalities)}")


def _pixels(film: Film, _: AdmissionPolicy) -> Refused | None:
    if not film.rows or not film.columns:
        return Refused(Reason.NO_PIXELS, "Rows or Columns is absent: there is no image to score")
    if film.number_of_frames != 1:
        return Refused(Reason.FRAMES, f"the object has {film.number_of_frames} frames, not one")
    if film.samples_per_pixel not in (1, 3):
        return Refused(Reason.COLOUR, f"Samples per Pixel is {film.samples_per_pixel}, not 1")
    return None


def _matrix(film: Film, policy: AdmissionPolicy) -> Refused | None:
    sides = (film.rows or 0, film.columns or 0)
    if min(sides) >= policy.min_matrix and max(sides) <= policy.max_matrix:
        return None
    limits = f"{policy.min_matrix} to {policy.max_matrix} pixels a side"
    return Refused(Reason.MATRIX, f"the matrix is {sides[0]} x {sides[1]}, outside {limits}")


def _body_part(film: Film, policy: AdmissionPolicy) -> Refused | None:
    part = film.body_part_examined
    if part:
        if part in policy.body_parts:
            return None
        return Refused(
            Reason.BODY_PART,
            f"Body Part Examined is {part}, not {_one_of(policy.body_parts)}",
        )
    described = f"{film.study_description} {film.series_description}".upper()
    if any(word in described for word in _CHEST_WORDS):
        return None
    return Refused(Reason.BODY_PART, "nothing in the header says that this is a chest film")


def _view(film: Film, policy: AdmissionPolicy) -> Refused | None:
    view = film.view_position
    if view in policy.views or (not view and policy.unknown_view):
        return None
    stated = view or "absent"
    return Refused(Reason.VIEW, f"View Position is {stated}, not {_one_of(policy.views)}")


def _age(film: Film, policy: AdmissionPolicy) -> Refused | None:
    if film.age_years is None:
        if policy.unknown_age:
            return None
        return Refused(Reason.AGE, "the patient's age is unknown")
    if film.age_years >= policy.min_age:
        return None
    return Refused(Reason.AGE, f"the patient is younger than {policy.min_age:g} years")


def _one_of(values: tuple[str, ...]) -> str:
    return " or ".join(values)


_CHECKS: tuple[_Check, ...] = (
    _sop_class,
    _own_result,
    _modality,
    _pixels,
    _body_part,
    _view,
    _age,
    _matrix,
)
