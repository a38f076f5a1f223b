"""Decide which films are scored, by header and by image."""
