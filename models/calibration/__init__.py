"""Fit what stands beside a trained net: calibrated probabilities, clinical and combined model."""
