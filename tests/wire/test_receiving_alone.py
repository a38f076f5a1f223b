"""The receiving role is light: it starts in a second and can run where no model could."""

import json
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

HEAVY = ["torch", "monai", "highdicom", "fastapi", "matplotlib", "models"]


def loaded_by(imports: str) -> set[str]:
    """Return the packages that a fresh interpreter has loaded after these imports."""
    program = f"{imports}\nimport sys, json\n"
    program += "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", ["node.ingest.scp", "node.ingest.store", "node.runtime.roles"])
def test_it_loads_no_model_and_no_report_builder(module: str) -> None:
    """Not by any detour: what a peer can reach is pynetdicom and a table."""
    loaded = loaded_by(f"import {module}")
    assert "pynetdicom" in loaded or module == "node.runtime.roles"
    assert loaded.isdisjoint(HEAVY), loaded & set(HEAVY)


def test_such_a_load_would_be_seen() -> None:
    """The role that does score films loads what the other must not."""
    assert "torch" in loaded_by("import node.inference.predictor")
