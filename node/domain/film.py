"""The facts of one radiograph that decisions rest on, without names or identifiers of people."""

import re
from dataclasses import dataclass
from datetime import date

_AGE = re.compile(r"^\s*(\d{1,3})\s*([DWMY]?)\s*$", re.IGNORECASE)
_YEARS_PER_UNIT = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0, "": 1.0}


@dataclass(frozen=True, slots=True)
class Film:
    """One received object, as its header describes it.

    Text attributes are empty where the header has none. Attribute names are the DICOM
    keywords in snake case; `digest` is the SHA-256 of the transfer syntax and the encoded
    data set, so that the same film is known again whatever its file meta information says.
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
    study_description: str = ""
    series_description: str = ""
    manufacturer: str = ""
    rows: int | None = None
    columns: int | None = None
    number_of_frames: int = 1
    samples_per_pixel: int = 1
    age_years: float | None = None
    sex: str = ""
    weight_kg: float | None = None
    height_cm: float | None = None
    station: str = ""
    patient: str = ""
    taken: date | None = None


def parse_age(patient_age: str) -> float | None:
    """Return years from Patient's Age (`067Y`, `006M`, and the unit-less `81` seen in practice).

    `000Y` is what de-identifiers write for "removed" and counts as unknown.
    """
    match = _AGE.match(patient_age)
    if match is None or int(match[1]) == 0:
        return None
    return int(match[1]) * _YEARS_PER_UNIT[match[2].upper()]


def age_between(birth: date | None, study: date | None) -> float | None:
    """Return completed years from birth to study, or None where either is unknown or absurd."""
    if birth is None or study is None:
        return None
    years = study.year - birth.year - ((study.month, study.day) < (birth.month, birth.day))
    return float(years) if 0 <= years <= 120 else None
