"""Manifests: lists of films with patients, hospitals, splits and labels."""
