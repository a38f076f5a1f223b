"""Evaluation of a bundle on films with known labels: metrics, checks and the report."""
