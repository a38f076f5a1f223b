"""SOP Class UIDs of accepted films and of results (PS3.6, Annex A)."""

from enum import StrEnum


class SopClass(StrEnum):
    """SOP Class UIDs, named as in PS3.6."""

    COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
    DIGITAL_X_RAY_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
    DIGITAL_X_RAY_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
    SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
    BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
    COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
    COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"


RADIOGRAPH_CLASSES = (
    SopClass.COMPUTED_RADIOGRAPHY,
    SopClass.DIGITAL_X_RAY_FOR_PRESENTATION,
    SopClass.DIGITAL_X_RAY_FOR_PROCESSING,
    SopClass.SECONDARY_CAPTURE,
)
"""SOP Classes that may contain a chest radiograph."""
