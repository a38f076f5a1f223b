"""The DICOM listener: it receives films and storage commitment reports."""
