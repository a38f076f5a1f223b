"""The receiving role is light: it starts in a second and can run where no model could."""

import json
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

HEAVY = {"torch", "monai", "highdicom", "fastapi", "matplotlib", "scipy"}
VALUE_TYPES = {
    "models",
    "models.bundle",
    "models.bundle.intended_use",
    "models.gate",
    "models.gate.image_findings",
    "models.images",
    "models.images.radiograph",
}
"""Modules of `models` that hold plain dataclasses, with the packages around them."""


def loaded_by(imports: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after these imports."""
    program = f"{imports}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", ["node.ingest.scp", "node.ingest.store", "node.runtime.roles"])
def test_it_loads_no_model_and_no_report_builder(module: str) -> None:
    """The process that peers reach loads no heavy library, directly or indirectly.

    Of `models` it loads only the value types that the domain shares.
    """
    loaded = loaded_by(f"import {module}")
    assert "pynetdicom" in loaded or module == "node.runtime.roles"
    assert loaded.isdisjoint(HEAVY), loaded & HEAVY
    model_code = {name for name in loaded if name.split(".")[0] == "models"}
    assert model_code <= VALUE_TYPES, model_code - VALUE_TYPES


def test_such_a_load_would_be_seen() -> None:
    """The role that does score films loads what the other must not."""
    assert "torch" in loaded_by("import node.inference.predictor")
