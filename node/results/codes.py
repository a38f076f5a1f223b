"""The coded concepts of all results.

Coding schemes are DCM (PS3.16 Annex D), SCT (SNOMED CT), LN (LOINC), UCUM, RFC5646 and 99OSTEO. A
report declares the private scheme 99OSTEO in its Coding Scheme Identification Sequence.
"""

from collections.abc import Mapping

from pydicom.sr.coding import Code

from node.domain.decision.prediction import Finding

PRIVATE_SCHEME = "99OSTEO"
PRIVATE_SCHEME_NAME = "OsteoScreen private codes"

# Document and context (TID 1500, 1204, 1002, 1600 to 1602)
IMAGING_MEASUREMENT_REPORT = Code("126000", "DCM", "Imaging Measurement Report")
LANGUAGES = "RFC5646"
IMAGING_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
PROCEDURE_REPORTED = Code("121058", "DCM", "Procedure reported")
DEVICE = Code("121007", "DCM", "Device")
IMAGE_LIBRARY = Code("111028", "DCM", "Image Library")
IMAGE_LIBRARY_GROUP = Code("126200", "DCM", "Image Library Group")
IMAGING_MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
SOURCE = Code("260753009", "SCT", "Source")

# Descriptors of a radiograph (TID 1602 and 1603)
MODALITY = Code("121139", "DCM", "Modality")
FRAME_OF_REFERENCE_UID = Code("112227", "DCM", "Frame of Reference UID")
PIXEL_DATA_ROWS = Code("110910", "DCM", "Pixel Data Rows")
PIXEL_DATA_COLUMNS = Code("110911", "DCM", "Pixel Data Columns")
PATIENT_ORIENTATION_ROW = Code("111044", "DCM", "Patient Orientation Row")
PATIENT_ORIENTATION_COLUMN = Code("111043", "DCM", "Patient Orientation Column")
HORIZONTAL_PIXEL_SPACING = Code("111026", "DCM", "Horizontal Pixel Spacing")
VERTICAL_PIXEL_SPACING = Code("111066", "DCM", "Vertical Pixel Spacing")
MODALITIES: Mapping[str, Code] = {
    "CR": Code("CR", "DCM", "Computed Radiography"),
    "DX": Code("DX", "DCM", "Digital Radiography"),
    "RG": Code("RG", "DCM", "Radiographic imaging"),
}

# The text report (TID 2000)
DIAGNOSTIC_IMAGING_REPORT = Code("18748-4", "LN", "Diagnostic Imaging Report")
FINDINGS = Code("121070", "DCM", "Findings")
FINDING = Code("121071", "DCM", "Finding")
CONCLUSIONS = Code("121076", "DCM", "Conclusions")
CONCLUSION = Code("121077", "DCM", "Conclusion")

# Finding, measurements and algorithm (TID 1410, 300, 4019)
OSTEOPOROSIS = Code("64859006", "SCT", "Osteoporosis")
PRESENCE: Mapping[Finding, Code] = {
    Finding.PRESENT: Code("52101004", "SCT", "Present"),
    Finding.ABSENT: Code("272519000", "SCT", "Absent"),
    Finding.UNDETERMINED: Code("373068000", "SCT", "Undetermined"),
}
CERTAINTY_OF_FINDING = Code("111012", "DCM", "Certainty of Finding")
DECISION_THRESHOLD = Code("THRESHOLD", PRIVATE_SCHEME, "Decision threshold")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
RECOMMENDED_FOLLOW_UP = Code("111053", "DCM", "Recommended Follow-up")
DXA = Code("241686001", "SCT", "Dual energy X-ray absorptiometry")
COMMENT = Code("121106", "DCM", "Comment")
GRAD_CAM = Code("130403", "DCM", "Gradient-weighted class activation")

# Units of the measurements (UCUM)
PERCENT = Code("%", "UCUM", "Percent")
PIXELS = Code("{pixels}", "UCUM", "Pixels")
MILLIMETRE = Code("mm", "UCUM", "millimeter")

# Purposes of reference
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")
