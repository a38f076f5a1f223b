"""Describe a radiograph: body part, view, age, derivation and pseudonym."""
