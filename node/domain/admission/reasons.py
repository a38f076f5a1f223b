"""Codes for refusals and notes, which `docs/reference/texts` explains."""

from enum import StrEnum
from typing import Literal, get_args


class Reason(StrEnum):
    """The reason why a film is not scored; never rename a code, because codes are stored."""

    SOP_CLASS = "sop-class"
    MODALITY = "modality"
    OWN_RESULT = "own-result"
    DERIVED = "derived"
    NO_PIXELS = "no-pixels"
    FRAMES = "frames"
    COLOUR = "colour"
    BIT_DEPTH = "bit-depth"
    MATRIX = "matrix"
    SIZE = "size"
    BODY_PART = "body-part"
    VIEW = "view"
    ORIENTATION = "orientation"
    UNLIKE = "unlike"
    STUDY = "study"
    AGE = "age"
    PIXELS = "pixels"


ReportableReason = Literal[
    Reason.DERIVED,
    Reason.FRAMES,
    Reason.COLOUR,
    Reason.BIT_DEPTH,
    Reason.MATRIX,
    Reason.SIZE,
    Reason.BODY_PART,
    Reason.VIEW,
    Reason.ORIENTATION,
    Reason.UNLIKE,
    Reason.STUDY,
    Reason.AGE,
    Reason.PIXELS,
]
"""Reasons that a report to the PACS may state.

A report on a result of the node would cause an endless loop. A CT would cause hundreds of reports.
A film without Rows or Columns cannot have a report.
"""
REPORTABLE: tuple[Reason, ...] = get_args(ReportableReason)


class AdmissionNote(StrEnum):
    """A remark about a scored film; never rename a code, because codes are stored."""

    AGE_UNKNOWN = "age-unknown"
    AGE_CONTRADICTED = "age-contradicted"  # the lower of two ages is used
    VIEW_UNKNOWN = "view-unknown"
    VIEW_CONTRADICTED = "view-contradicted"  # the attribute is used
    BODY_PART_CONTRADICTED = "body-part-contradicted"  # the attribute is used
    INVERTED = "inverted"  # black and white exchanged; corrected
    VIEW_BY_PIXELS = "view-by-pixels"  # the header does not state the view
    VIEW_OVERRULED = "view-overruled"  # the header states another view
    BODY_PART_BY_PIXELS = "body-part-by-pixels"  # the header does not state the body part
    BODY_PART_OVERRULED = "body-part-overruled"  # the header states another body part
    FOR_PROCESSING = "for-processing"  # a raw image, which radiologists do not read
