"""The facts of one radiograph that decisions rest on, without names or identifiers of people."""

from dataclasses import dataclass
from datetime import date

from node.domain.radiograph.body_part import BodyPart
from node.domain.radiograph.derivation import Derivation
from node.domain.radiograph.view import View


@dataclass(frozen=True, slots=True)
class HeaderStatements:
    """What one source in the header says, as far as we understand it; nothing by default.

    People write names into descriptions. A film keeps what they say of it and not the texts.
    """

    parts: tuple[BodyPart, ...] = ()
    view: View | None = None


@dataclass(frozen=True, slots=True)
class Film:
    """One received object, as its header describes it.

    Text attributes are empty where the header has none. Attribute names are the DICOM
    keywords in snake case; `digest` is the SHA-256 of the transfer syntax and the encoded
    data set, so that the same film is known again whatever its file meta information says.
    `coded`, `series` and `study` are what codes, what texts of the series and its acquisition, and
    what texts of the study and its order say. `ours` is an object that this product has made.
    `patient` is a pseudonym, empty where the film does not tell whose it is; `taken` is the day of
    the exposure, as far as the header says.
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
    oriented: View | None = None
    derivation: Derivation | None = None
    ours: bool = False
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
    taken: date | None = None
