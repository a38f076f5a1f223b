"""Faults done to a real node on purpose, and a judge who counts what became of its films."""
