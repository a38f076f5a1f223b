"""The attributes of a film that decisions use, without names or IDs of patients."""

from dataclasses import dataclass
from datetime import date

from node.domain.radiograph.body_part import BodyPart
from node.domain.radiograph.derivation import Derivation
from node.domain.radiograph.view import View


@dataclass(frozen=True, slots=True)
class HeaderStatements:
    """Body parts and view that one part of the header names.

    The texts of descriptions are not stored, because descriptions may contain names of people.
    """

    parts: tuple[BodyPart, ...] = ()
    view: View | None = None


@dataclass(frozen=True, slots=True)
class Film:
    """The attributes of a received object, read from its header.

    Attribute names are DICOM keywords in snake case. A missing text is "". `digest` is the SHA-256
    of transfer syntax and encoded data set, without the file meta information. `coded` contains the
    body parts and the view that codes state. `series` and `study` contain the body parts and the
    view that descriptions state. `is_own_result` is true if this product created the object.
    `patient` is a pseudonym, or empty.
    """

    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    digest: str
    size: int
    calling_ae: str = ""
    modality: str = ""
    body_part_examined: str = ""
    view_position: str = ""
    image_type: tuple[str, ...] = ()
    manufacturer: str = ""
    coded: HeaderStatements = HeaderStatements()
    series: HeaderStatements = HeaderStatements()
    study: HeaderStatements = HeaderStatements()
    orientation_view: View | None = None
    derivation: Derivation | None = None
    is_own_result: bool = False
    rows: int | None = None
    columns: int | None = None
    number_of_frames: int = 1
    samples_per_pixel: int = 1
    photometric_interpretation: str = ""
    bits_allocated: int | None = None
    bits_stored: int | None = None
    has_pixel_data: bool = True
    height_mm: float | None = None
    width_mm: float | None = None
    age_years: float | None = None
    age_contradicted: bool = False
    sex: str = ""
    weight_kg: float | None = None
    height_cm: float | None = None
    station: str = ""
    patient: str = ""
    exposure_date: date | None = None
