"""Connections to destinations by DIMSE, with storage commitment, and by DICOMweb."""
