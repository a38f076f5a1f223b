"""What is measured of a model, one small module for each question."""
