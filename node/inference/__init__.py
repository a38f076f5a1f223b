"""Scoring films with a bundle: decoder processes, the predictor, and the scoring pipeline."""
