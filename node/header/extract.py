"""Extract the attributes of a film from the elements of its header."""

from datetime import date
from typing import Any

from pydicom import Dataset

from node.domain.admission.header_rules import OWN_MANUFACTURER
from node.domain.radiograph.age import (
    Age,
    age_between,
    earliest_day,
    latest_day,
    parse_age,
    reconcile_ages,
)
from node.domain.radiograph.body_part import BodyPart, parts_in_text, parts_of_code
from node.domain.radiograph.derivation import Derivation, derivation_of
from node.domain.radiograph.film import HeaderStatements
from node.domain.radiograph.view import View, view_in_text, view_of_code, view_of_orientation
from node.header.values import (
    code_of,
    codes_of,
    integer_of,
    items_of,
    number_of,
    numbers_of,
    text_of,
)

# Descriptions of series and acquisition, then of study and order, in the order of priority. Items
# of the Request Attributes Sequence may also contain these descriptions.
_SERIES_DESCRIPTIONS = (
    "SeriesDescription",
    "AcquisitionDeviceProcessingDescription",
    "ProtocolName",
)
_STUDY_DESCRIPTIONS = (
    "PerformedProcedureStepDescription",
    "ScheduledProcedureStepDescription",
    "RequestedProcedureDescription",
    "StudyDescription",
)
_DATE_KEYWORDS = ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate")
# Plausible pixel spacing of a film in mm. Archives write 0 and 1 for an unknown spacing.
_MIN_SPACING, _MAX_SPACING = 0.04, 0.99
FILM_KEYWORDS = [
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyDate",
    "SeriesDate",
    "AcquisitionDate",
    "ContentDate",
    "Modality",
    "Manufacturer",
    "StationName",
    "StudyDescription",
    "SeriesDescription",
    "ManufacturerModelName",
    "DerivationDescription",
    "AnatomicRegionSequence",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "BodyPartExamined",
    "ProtocolName",
    "ImagerPixelSpacing",
    "AcquisitionDeviceProcessingDescription",
    "ViewPosition",
    "ContributingEquipmentSequence",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientOrientation",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BitsAllocated",
    "BitsStored",
    "RequestedProcedureDescription",
    "PerformedProcedureStepDescription",
    "RequestAttributesSequence",
    "ViewCodeSequence",
]
"""The header elements that decisions and scores use."""
PATIENT_KEYWORDS = ["PatientID", "IssuerOfPatientID"]
"""The elements from which a pseudonym is computed."""


def film_attributes(ds: Dataset, has_pixel_data: bool) -> dict[str, Any]:
    """Return the attributes of `Film`, except UIDs, that the header contains."""
    age = _age(ds)
    height, width = _sides(ds)
    return {
        "modality": code_of(ds, "Modality"),
        "body_part_examined": code_of(ds, "BodyPartExamined"),
        "view_position": code_of(ds, "ViewPosition"),
        "image_type": codes_of(ds, "ImageType"),
        "manufacturer": text_of(ds, "Manufacturer"),
        "coded": HeaderStatements(_coded_parts(ds), _coded_view(ds)),
        "series": _statements(_texts(ds, _SERIES_DESCRIPTIONS)),
        "study": _statements(_texts(ds, _STUDY_DESCRIPTIONS)),
        "orientation_view": view_of_orientation(codes_of(ds, "PatientOrientation")),
        "derivation": _derivation(ds),
        "is_own_result": _is_own_result(ds),
        "rows": integer_of(ds, "Rows"),
        "columns": integer_of(ds, "Columns"),
        "number_of_frames": integer_of(ds, "NumberOfFrames") or 1,
        "samples_per_pixel": integer_of(ds, "SamplesPerPixel") or 1,
        "photometric_interpretation": code_of(ds, "PhotometricInterpretation"),
        "bits_allocated": integer_of(ds, "BitsAllocated"),
        "bits_stored": integer_of(ds, "BitsStored"),
        "has_pixel_data": has_pixel_data,
        "height_mm": height,
        "width_mm": width,
        "age_years": age.years,
        "age_contradicted": age.contradicted,
        "sex": code_of(ds, "PatientSex")[:1],
        "weight_kg": number_of(ds, "PatientWeight"),
        "height_cm": _centimetres(number_of(ds, "PatientSize")),
        "station": text_of(ds, "StationName"),
        "exposure_date": _exposure_date(ds),
    }


def _texts(ds: Dataset, keywords: tuple[str, ...]) -> list[str]:
    """Return the texts of keywords in the data set and its Request Attributes Sequence."""
    datasets = [ds, *items_of(ds, "RequestAttributesSequence")]
    texts = (text_of(dataset, keyword) for keyword in keywords for dataset in datasets)
    return [text for text in texts if text]


def _statements(texts: list[str]) -> HeaderStatements:
    """Return body parts and view, each from the first text that contains such words."""
    parts = next((parts for text in texts if (parts := parts_in_text(text))), ())
    view = next((view for text in texts if (view := view_in_text(text))), None)
    return HeaderStatements(parts, view)


def _coded_parts(ds: Dataset) -> tuple[BodyPart, ...]:
    named: dict[BodyPart, None] = {}
    for item in items_of(ds, "AnatomicRegionSequence"):
        named |= dict.fromkeys(parts_of_code(*_code(item)))
    return tuple(named)


def _coded_view(ds: Dataset) -> View | None:
    """Return the view of View Code Sequence, or of its modifier, such as lordotic."""
    for item in items_of(ds, "ViewCodeSequence"):
        modifiers = (view_of_code(*_code(m)) for m in items_of(item, "ViewModifierCodeSequence"))
        return next((view for view in modifiers if view), view_of_code(*_code(item)))
    return None


def _code(item: Dataset) -> tuple[str, str]:
    return code_of(item, "CodeValue"), text_of(item, "CodeMeaning")


def _derivation(ds: Dataset) -> Derivation | None:
    further = codes_of(ds, "ImageType")[2:]
    described = (text_of(ds, "SeriesDescription"), text_of(ds, "DerivationDescription"))
    return derivation_of((*further, *described))


def _is_own_result(ds: Dataset) -> bool:
    """Return whether one of several attributes names this product as the object's origin."""
    manufacturers = [
        text_of(item, "Manufacturer") for item in items_of(ds, "ContributingEquipmentSequence")
    ]
    named = text_of(ds, "SeriesDescription").startswith(f"{OWN_MANUFACTURER} ")
    return named or OWN_MANUFACTURER in (*manufacturers, text_of(ds, "ManufacturerModelName"))


def _sides(ds: Dataset) -> tuple[float | None, float | None]:
    """Return height and width of the image in mm, from the first plausible pixel spacing."""
    rows, columns = integer_of(ds, "Rows"), integer_of(ds, "Columns")
    for keyword in ("ImagerPixelSpacing", "PixelSpacing"):
        match numbers_of(ds, keyword):
            case [float(vertical), float(horizontal)] if rows and columns:
                spacings = (vertical, horizontal)
                if min(spacings) >= _MIN_SPACING and max(spacings) <= _MAX_SPACING:
                    return rows * vertical, columns * horizontal
    return None, None


def _centimetres(metres: float | None) -> float | None:
    # Patient's Size is in metres. Values above 3 were entered in centimetres.
    if metres is None:
        return None
    return metres * 100 if metres <= 3 else metres


def _age(ds: Dataset) -> Age:
    """Return the lower of Patient's Age and the age by the dates of birth and exposure."""
    by_dates = age_between(latest_day(text_of(ds, "PatientBirthDate")), _exposure_date(ds))
    return reconcile_ages(parse_age(text_of(ds, "PatientAge")), by_dates)


def _exposure_date(ds: Dataset) -> date | None:
    """Return the exposure date, or the first of several similar dates in the header."""
    days = (earliest_day(text_of(ds, keyword)) for keyword in _DATE_KEYWORDS)
    return next((day for day in days if day), None)
