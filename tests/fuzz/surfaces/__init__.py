"""The surfaces of attack, one module each."""

from importlib import import_module
from types import ModuleType

HERE = ("header", "pixels", "results", "config", "files")
"""Those that are functions, run in processes of the fuzzer's."""

THERE = ("pdu", "dimse")
"""Those that are a port, of a node that runs on its own."""


def load(name: str) -> ModuleType:
    """Return a surface's module: `run(rnd, folder)` or `talk(rnd, line)`, one case each."""
    return import_module(f"tests.fuzz.surfaces.{name}")
