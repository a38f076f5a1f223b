"""Batch screening: score DICOM files without a PACS into a table (`osteoscreen screen`)."""
