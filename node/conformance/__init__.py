"""The DICOM conformance statement of an installation."""
