"""The attack surfaces, one module each."""

from importlib import import_module
from types import ModuleType

FUNCTION_SURFACES = ("header", "pixels", "results", "config", "files")
"""Functions, which run in worker processes."""

NETWORK_SURFACES = ("pdu", "dimse")
"""The port of a running node."""


def load(name: str) -> ModuleType:
    """Return the module of a surface, with `run(rnd, folder)` or `script(rnd)` for one case."""
    return import_module(f"tests.fuzz.surfaces.{name}")
