"""The DICOM node: receive chest films, score them, and deliver the results."""
