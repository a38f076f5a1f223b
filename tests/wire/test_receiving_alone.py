"""The ingest role starts within a second, and loads no model."""

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
"""These modules of `models`, and the packages around them, contain only plain dataclasses."""


def loaded_by(imports: str) -> set[str]:
    """Return the modules that a new interpreter has loaded after these imports."""
    program = f"{imports}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-c", program]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(process.stdout))


@pytest.mark.parametrize("module", ["node.ingest.scp", "node.ingest.store", "node.runtime.roles"])
def test_it_loads_no_model_and_no_report_builder(module: str) -> None:
    """The ingest process loads no heavy library, directly or indirectly.

    Ingest loads only those modules of `models` that define value types for the domain.
    """
    loaded = loaded_by(f"import {module}")
    assert "pynetdicom" in loaded or module == "node.runtime.roles"
    assert loaded.isdisjoint(HEAVY), loaded & HEAVY
    model_code = {name for name in loaded if name.split(".")[0] == "models"}
    assert model_code <= VALUE_TYPES, model_code - VALUE_TYPES


def test_the_check_detects_a_loaded_model() -> None:
    """The analyse role loads the modules that ingest must not load."""
    assert "torch" in loaded_by("import node.inference.predictor")
