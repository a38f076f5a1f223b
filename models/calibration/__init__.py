"""Fits on the outputs of a trained net: calibration, clinical and combined model; AUC."""
