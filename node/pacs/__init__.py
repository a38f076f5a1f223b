"""The connections to destinations: DIMSE, storage commitment and DICOMweb."""
