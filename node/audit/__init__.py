"""The audit trail: events as DICOM audit messages, in a file and shipped by syslog."""
