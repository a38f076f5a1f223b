"""Structured report, heatmap and text report of a film."""
