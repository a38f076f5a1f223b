"""Simulation of chest films with known bone density, based on one chest CT (see ``anatomy``)."""
