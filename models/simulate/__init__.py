"""Simulation of chest films with known bone density, from one chest CT (see ``anatomy``)."""
