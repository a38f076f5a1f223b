"""Why a film is not scored, and what is said of one that is: codes, for people and programs."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a film is not scored. The codes are part of the interface: never rename one."""

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


REPORTABLE = (
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
)
"""Why a report may say that a film was not scored.

Not that our own results came back, which would have no end; nor of what is no radiograph, of which
a CT alone has hundreds; nor without Rows and Columns, which a report cannot do without.
"""


class AdmissionNote(StrEnum):
    """What is to be said beside the score of an admitted film. Codes: never rename one."""

    AGE_UNKNOWN = "age-unknown"
    AGE_CONTRADICTED = "age-contradicted"  # the younger of two ages counts
    VIEW_UNKNOWN = "view-unknown"
    VIEW_CONTRADICTED = "view-contradicted"  # the tag counts
    BODY_PART_CONTRADICTED = "body-part-contradicted"  # the tag counts
    INVERTED = "inverted"  # white where it should be black; set right
    VIEW_BY_PIXELS = "view-by-pixels"  # no tag tells it
    VIEW_OVERRULED = "view-overruled"  # a tag says otherwise
    BODY_PART_BY_PIXELS = "body-part-by-pixels"  # no tag tells it
    BODY_PART_OVERRULED = "body-part-overruled"  # a tag says otherwise
    FOR_PROCESSING = "for-processing"  # raw: not the picture that a radiologist sees
