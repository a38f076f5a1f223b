"""Fit calibration, clinical model and combined model; compute AUCs with intervals."""
