"""Each attack surface has its own module."""

from importlib import import_module
from types import ModuleType

FUNCTION_SURFACES = ("header", "pixels", "results", "config", "files")
"""Surfaces that are functions, which run in worker processes."""

NETWORK_SURFACES = ("pdu", "dimse")
"""Surfaces at the port of a running node."""


def load(name: str) -> ModuleType:
    """Return the module of a surface, with `run(rnd, folder)` or `script(rnd)` for one case."""
    return import_module(f"tests.fuzz.surfaces.{name}")
